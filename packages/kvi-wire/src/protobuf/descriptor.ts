/**
 * Descriptors: messages that say what messages and services are made of. A message that has no name in its table is named after the
 * call, or the field, that has it first: as in etcd's protocol, most are.
 *
 * @see `google/protobuf/descriptor.proto`
 */
import {bool, encode, int64, message, nested, repeated, text} from './protobuf.ts';
import type {Described, Kind, MessageShape, NamedShape} from './shape.ts';

const enumValue = message({name: text(1), number: int64(2)});
const enumType = message({name: text(1), value: repeated(nested(2, enumValue))});
const field = message({name: text(1), number: int64(3), label: int64(4), type: int64(5), typeName: text(6)});
const messageType = message({
  name: text(1),
  field: repeated(nested(2, field)),
  enumType: repeated(nested(4, enumType)),
});
const method = message({
  name: text(1),
  inputType: text(2),
  outputType: text(3),
  clientStreaming: bool(5),
  serverStreaming: bool(6),
});
const service = message({name: text(1), method: repeated(nested(2, method))});
const file = message({
  name: text(1),
  package: text(2),
  dependency: repeated(text(3)),
  messageType: repeated(nested(4, messageType)),
  service: repeated(nested(6, service)),
  syntax: text(12),
});

/** A call of a service, and its messages. */
export interface DescribedCall {
  /** `/PACKAGE.SERVICE/METHOD` */
  readonly path: string;
  readonly request: Described;
  readonly response: Described;
  /** Which side sends many messages. */
  readonly streams: 'neither' | 'server' | 'both';
}

/** What a package of messages and services is made of. */
export interface DescribedPackage {
  /** A `FileDescriptorProto`, of the name `PACKAGE.proto`. */
  readonly file: Buffer;
  /** The packages that have messages in its messages. */
  readonly dependencies: readonly string[];
}

/** `FileDescriptorProto.Type` */
const typeNumbers: Readonly<Record<Kind['type'], number>> = {
  int64: 3,
  uint64: 4,
  bool: 8,
  text: 9,
  message: 11,
  bytes: 12,
  uint32: 13,
  enum: 14,
};

const label = {optional: 1, repeated: 3};

/** What a package has, as it is found. */
interface Package {
  readonly messages: object[];
  readonly services: Map<string, {name: string; method: object[]}>;
  readonly dependencies: Set<string>;
}

/** Describes the packages of calls and of their messages, by name. */
export function describePackages(calls: readonly DescribedCall[]): Map<string, DescribedPackage> {
  const packages = new Map<string, Package>();
  const names = new Map<MessageShape, string>();

  function packageOf(name: string): Package {
    const found = packages.get(name) ?? {messages: [], services: new Map(), dependencies: new Set()};
    packages.set(name, found);
    return found;
  }

  /** The full name of a message. Describes it, if it is new. */
  function nameOf(described: Described, user: string, wanted: string): string {
    const shape = described.shape();
    let name = names.get(shape);
    if (name === undefined) {
      name = shape.typeName ?? unused(`${user}.${wanted}`);
      names.set(shape, name);
      describe(shape, ...split(name));
    }
    const [owner] = split(name);
    if (owner !== user) packageOf(user).dependencies.add(owner);
    return `.${name}`;
  }

  function unused(wanted: string): string {
    const taken = new Set(names.values());
    let name = wanted;
    for (let n = 2; taken.has(name); n += 1) name = `${wanted}${n}`;
    return name;
  }

  function describe({byTag}: MessageShape, owner: string, name: string): void {
    const fields = [...byTag.values()];
    const enums = fields.flatMap(({protocolName, kind}) =>
      kind.type === 'enum' ? [describeEnum(protocolName, kind.values)] : [],
    );
    const described = {name, enumType: enums, field: fields.map((each) => describeField(each, owner, name))};
    packageOf(owner).messages.push(described);
  }

  function describeField(
    {tag, protocolName, kind, isRepeated = false}: NamedShape,
    owner: string,
    of: string,
  ) {
    const wanted = pascalCase(protocolName);
    let typeName: string | undefined;
    if (kind.type === 'message') typeName = nameOf(kind.of, owner, wanted);
    if (kind.type === 'enum') typeName = `.${owner}.${of}.${wanted}`;
    return {
      name: protocolName,
      number: tag >>> 3,
      label: isRepeated ? label.repeated : label.optional,
      type: typeNumbers[kind.type],
      typeName,
    };
  }

  for (const {path, request, response, streams} of calls) {
    const [, service = '', name = ''] = path.split('/');
    const [owner, serviceName] = split(service);
    const {services} = packageOf(owner);
    const described = services.get(serviceName) ?? {name: serviceName, method: []};
    services.set(serviceName, described);
    described.method.push({
      name,
      inputType: nameOf(request, owner, `${name}Request`),
      outputType: nameOf(response, owner, `${name}Response`),
      clientStreaming: streams === 'both',
      serverStreaming: streams !== 'neither',
    });
  }
  return new Map(Array.from(packages, ([name, each]) => [name, finish(name, each)]));
}

function finish(name: string, {messages, services, dependencies}: Package): DescribedPackage {
  return {
    dependencies: [...dependencies],
    file: encode(file, {
      name: `${name}.proto`,
      package: name,
      dependency: Array.from(dependencies, (each) => `${each}.proto`),
      messageType: messages,
      service: [...services.values()],
      syntax: 'proto3',
    }),
  };
}

function describeEnum(protocolName: string, values: readonly string[]) {
  return {
    name: pascalCase(protocolName),
    value: values.map((value, number) => ({name: value, number})),
  };
}

/** `PACKAGE.NAME` in two. */
function split(fullName: string): [owner: string, name: string] {
  const at = fullName.lastIndexOf('.');
  return [fullName.slice(0, at), fullName.slice(at + 1)];
}

function pascalCase(name: string): string {
  return name.replace(/(^|_)(.)/g, (_, __, letter: string) => letter.toUpperCase());
}
