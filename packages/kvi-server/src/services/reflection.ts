import {type DescribedCall, describePackage, grpcCode, reflections} from 'kvi-wire';
import {type Route, streaming} from '../grpc/route.ts';

/** Tells what services there are, and what their messages are made of: for `grpcurl` and others. */
export function reflectionService(routes: readonly Route[]): Route[] {
  /** By package. */
  const calls = new Map<string, DescribedCall[]>();
  const services = new Set<string>();
  for (const {path, messages} of routes) {
    const [, fullName = '', name = ''] = path.split('/');
    services.add(fullName);
    const [, packageName = '', service = ''] = /^(.*)\.([^.]+)$/.exec(fullName) ?? [];
    // Of those that only refuse, there is no description.
    if (messages === undefined) continue;
    calls.set(packageName, [...(calls.get(packageName) ?? []), {service, name, ...messages}]);
  }
  for (const {path} of reflections) services.add(path.split('/')[1] ?? '');
  const files = new Map<string, Buffer>();
  const fileOf = (packageName: string): string => `${packageName}.proto`;

  /** The description of a package: made when somebody asks. */
  function describe(packageName: string): Buffer | undefined {
    const described = calls.get(packageName);
    if (described === undefined) return undefined;
    const known = files.get(packageName) ?? describePackage(fileOf(packageName), packageName, described);
    files.set(packageName, known);
    return known;
  }

  /** The package that a symbol is in: it begins with its name. */
  function packageOf(symbol: string): string | undefined {
    return [...calls.keys()].find((name) => symbol === name || symbol.startsWith(`${name}.`));
  }

  return reflections.map((reflection) =>
    streaming(reflection, (replies) => ({
      onRequest(request) {
        const {fileByFilename, fileContainingSymbol} = request;
        const told = {validHost: request.host, originalRequest: request};
        if (fileByFilename === '' && fileContainingSymbol === '') {
          replies.send({...told, services: {service: [...services].sort().map((name) => ({name}))}});
          return;
        }
        const packageName =
          fileByFilename === '' ? packageOf(fileContainingSymbol) : fileByFilename.replace(/\.proto$/, '');
        const file = packageName === undefined ? undefined : describe(packageName);
        const missing = fileByFilename || fileContainingSymbol;
        replies.send(
          file === undefined
            ? {...told, error: {errorCode: grpcCode.notFound, errorMessage: `not found: ${missing}`}}
            : {...told, files: {fileDescriptorProto: [file]}},
        );
      },
      onEnd: () => replies.end(),
      onClose: () => undefined,
    })),
  );
}
