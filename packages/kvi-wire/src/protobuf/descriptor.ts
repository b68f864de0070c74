/**
 * Descriptors: messages that say what messages and services are made of. Only calls have names in the tables, so messages are named
 * after the calls and fields that have them.
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
  messageType: repeated(nested(4, messageType)),
  service: repeated(nested(6, service)),
  syntax: text(12),
});

/** A call of a service, and its messages. */
export interface DescribedCall {
  readonly service: string;
  readonly name: string;
  readonly request: Described;
  readonly response: Described;
  readonly isStream: boolean;
}

/** `FieldDescriptorProto.Type` */
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

/**
 * Encodes the description of a package of services, as one file.
 *
 * @param name - the file's
 */
export function describePackage(name: string, packageName: string, calls: readonly DescribedCall[]): Buffer {
  const names = new Map<MessageShape, string>();
  const messageTypes: {name: string; shape: MessageShape}[] = [];

  function nameOf(of: Described, wanted: string): string {
    const shape = of.shape();
    let found = names.get(shape);
    if (found === undefined) {
      const taken = new Set(names.values());
      found = wanted;
      for (let n = 2; taken.has(found); n += 1) found = `${wanted}${n}`;
      names.set(shape, found);
      messageTypes.push({name: found, shape});
    }
    return `.${packageName}.${found}`;
  }

  function fieldOf(owner: string, {tag, protocolName, kind, isRepeated = false}: NamedShape) {
    return {
      name: protocolName,
      number: tag >>> 3,
      label: isRepeated ? label.repeated : label.optional,
      type: typeNumbers[kind.type],
      typeName:
        kind.type === 'message'
          ? nameOf(kind.of, pascalCase(protocolName))
          : kind.type === 'enum'
            ? `.${packageName}.${owner}.${pascalCase(protocolName)}`
            : undefined,
    };
  }

  const services = new Map<string, {name: string; method: object[]}>();
  for (const call of calls) {
    const described = services.get(call.service) ?? {name: call.service, method: []};
    services.set(call.service, described);
    described.method.push({
      name: call.name,
      inputType: nameOf(call.request, `${call.name}Request`),
      outputType: nameOf(call.response, `${call.name}Response`),
      clientStreaming: call.isStream,
      serverStreaming: call.isStream,
    });
  }
  const types: object[] = [];
  // It grows while it is read: by the messages of fields.
  for (const {name: owner, shape} of messageTypes) {
    const fields = [...shape.byTag.values()];
    types.push({
      name: owner,
      field: fields.map((each) => fieldOf(owner, each)),
      enumType: fields.flatMap(({protocolName, kind}) =>
        kind.type === 'enum'
          ? [
              {
                name: pascalCase(protocolName),
                value: kind.values.map((value, number) => ({name: value, number})),
              },
            ]
          : [],
      ),
    });
  }
  return encode(file, {
    name,
    package: packageName,
    messageType: types,
    service: [...services.values()],
    syntax: 'proto3',
  });
}

function pascalCase(name: string): string {
  return name.replace(/(^|_)(.)/g, (_, __, letter: string) => letter.toUpperCase());
}
