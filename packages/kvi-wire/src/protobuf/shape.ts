/** What messages are made of, as data: for encodings other than protobuf's own. */

/** What a field holds. */
export type Kind =
  | {readonly type: 'int64' | 'uint64' | 'uint32' | 'bool' | 'bytes' | 'text'}
  /** @param values - the names of 0, 1, 2 and so on */
  | {readonly type: 'enum'; readonly values: readonly string[]}
  | {readonly type: 'message'; readonly of: Described};

/** A field. */
export interface Shape {
  readonly kind: Kind;
  readonly isRepeated?: boolean;
  /** The name that it has in etcd's protocol, if that is not its name here in snake_case. */
  readonly protocolName?: string;
}

/** A field of a message. */
export interface NamedShape extends Shape {
  readonly tag: number;
  readonly protocolName: string;
}

/** The fields of a message. */
export interface MessageShape {
  /** `PACKAGE.NAME`, if calls and fields do not name it as etcd does. */
  readonly typeName: string | undefined;
  readonly byTag: ReadonlyMap<number, NamedShape>;
  /** By the name in the protocol, and by its camelCase, in which JSON may have it, too. */
  readonly byName: ReadonlyMap<string, NamedShape>;
}

/** A message that tells its fields. */
export interface Described {
  readonly shape: () => MessageShape;
}

/** @param fields - by kvi's names for them */
export function messageShape(
  fields: Iterable<[string, {readonly tag: number; readonly shape: Shape}]>,
  typeName?: string,
): MessageShape {
  const byTag = new Map<number, NamedShape>();
  const byName = new Map<string, NamedShape>();
  for (const [name, {tag, shape}] of fields) {
    const protocolName = shape.protocolName ?? snakeCase(name);
    const named = {...shape, tag, protocolName};
    byTag.set(tag, named);
    byName.set(protocolName, named);
    byName.set(camelCase(protocolName), named);
  }
  return {typeName, byTag, byName};
}

function snakeCase(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}

function camelCase(name: string): string {
  return name.replace(/_(.)/g, (_, letter: string) => letter.toUpperCase());
}
