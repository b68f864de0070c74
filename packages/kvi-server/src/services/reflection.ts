import {
  type DescribedCall,
  type DescribedPackage,
  describePackages,
  grpcCode,
  healthWatch,
  observe,
  reflections,
} from 'kvi-wire';
import {type Route, streaming} from '../grpc/route.ts';

/** Streams that take one request. */
const serverStreams = new Set([observe.path, healthWatch.path]);

/** Tells what services there are, and what their messages are made of: for `grpcurl` and others. */
export function reflectionService(routes: readonly Route[]): Route[] {
  const calls: DescribedCall[] = reflections.map((reflection) => ({...reflection, streams: 'both'}));
  for (const {path, messages} of routes) {
    // Of those that only refuse, there is no description.
    if (messages === undefined) continue;
    const streams = serverStreams.has(path) ? 'server' : messages.isStream ? 'both' : 'neither';
    calls.push({path, ...messages, streams});
  }
  const services = [...routes, ...reflections].map(({path}) => path.split('/')[1] ?? '');
  const names = [...new Set(services)].sort();
  let described: Map<string, DescribedPackage> | undefined;

  /** The file of a package, and those that it needs: clients take the first for the one that they asked for. */
  function filesOf(packageName: string, found = new Set<Buffer>()): Set<Buffer> {
    described ??= describePackages(calls);
    const {file, dependencies = []} = described.get(packageName) ?? {};
    if (file === undefined || found.has(file)) return found;
    found.add(file);
    for (const each of dependencies) filesOf(each, found);
    return found;
  }

  /** The package that a symbol is in: the longest that it begins with. */
  function packageOf(symbol: string): string {
    const parts = symbol.split('.');
    described ??= describePackages(calls);
    while (parts.length > 0 && !described.has(parts.join('.'))) parts.pop();
    return parts.join('.');
  }

  return reflections.map((reflection) =>
    streaming(reflection, (replies) => ({
      onRequest(request) {
        const {fileByFilename, fileContainingSymbol} = request;
        const told = {validHost: request.host, originalRequest: request};
        if (fileByFilename === '' && fileContainingSymbol === '') {
          replies.send({...told, services: {service: names.map((name) => ({name}))}});
          return;
        }
        const packageName =
          fileByFilename === '' ? packageOf(fileContainingSymbol) : fileByFilename.replace(/\.proto$/, '');
        const files = [...filesOf(packageName)];
        const missing = fileByFilename || fileContainingSymbol;
        replies.send(
          files.length === 0
            ? {...told, error: {errorCode: grpcCode.notFound, errorMessage: `not found: ${missing}`}}
            : {...told, files: {fileDescriptorProto: files}},
        );
      },
      onEnd: () => replies.end(),
      onClose: () => undefined,
    })),
  );
}
