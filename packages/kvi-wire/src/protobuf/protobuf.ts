/**
 * Protocol Buffers, as far as etcd's messages need them. A message is declared by its fields, and its types follow:
 *
 * ```ts
 * const keyValue = message({key: bytes(1), version: int64(4), lease: id(6)});
 * keyValue.encode({key: Buffer.from('a')}); // absent fields mean zero, empty or false
 * keyValue.decode(buffer); // {key: <Buffer 61>, version: 0, lease: '0'}
 * ```
 *
 * A reflective library decodes into objects of its own, with every 64-bit number as text, which then have to be copied:
 * for a range of a hundred keys that costs several times as much as the whole call.
 *
 * @see https://protobuf.dev/programming-guides/encoding/
 */
import type {GrpcStatus} from '../grpc/status.ts';
import {type Described, type Kind, messageShape, type MessageShape, type Shape} from './shape.ts';
import {delimited, Reader, varint, Writer} from './wire-format.ts';

/** A field: how its value is written and read. */
export interface Field<In, Out = In> {
  readonly tag: number;
  readonly shape: Shape;
  /** Writes the tag and the value. */
  readonly write: (to: Writer, value: In) => void;
  /** Reads one occurrence of the field. A repeated field adds it to `earlier`. */
  read(from: Reader, earlier: Out): Out;
  /** The value of an absent field. */
  readonly absent: () => Out;
  /** Another form in which the field may come. */
  readonly packed?: Pick<Field<In, Out>, 'tag' | 'read'>;
}

type Fields = Readonly<Record<string, Field<never, unknown>>>;

type Encodable<F extends Fields> = {
  readonly [K in keyof F]?: F[K] extends {write: (to: Writer, value: infer In) => void}
    ? In | undefined
    : never;
};

type Decoded<F extends Fields> = {
  [K in keyof F]: F[K] extends Field<never, infer Out> ? Out : never;
};

/** A kind of message. */
export interface Message<In, Out> extends Described {
  readonly write: (to: Writer, value: In) => void;
  readonly read: (from: Reader, end: number) => Out;
}

/** What is encoded to a message. */
export type Sent<M> = M extends Message<infer In, unknown> ? In : never;

/** What a message is decoded to. */
export type Received<M> = M extends Message<never, infer Out> ? Out : never;

/**
 * Declares a message. Fields that it does not name are skipped when it is read.
 *
 * @param typeName - `PACKAGE.NAME` in etcd's protocol, if that is not the call's name with `Request` or `Response`
 */
export function message<F extends Fields>(fields: F, typeName?: string): Message<Encodable<F>, Decoded<F>> {
  // Each field's values are its own; `Encodable` and `Decoded` hold each to its field.
  const entries = Object.entries(fields) as [string, Field<unknown, unknown>][];
  const byName = new Map(entries);
  const byTag = new Map(
    entries.flatMap(([name, field]) =>
      [field, field.packed ?? field].map(({tag, read}) => [tag, {name, read}] as const),
    ),
  );
  const blank = Object.fromEntries(entries.map(([name, field]) => [name, field.absent()]));
  const lists = Object.keys(blank).filter((name) => Array.isArray(blank[name]));
  let shape: MessageShape | undefined;
  return {
    shape: () => (shape ??= messageShape(entries, typeName)),
    write(to, value) {
      // Not over the fields: most requests set few of many, and V8 is slow to find out that an object lacks one.
      for (const name in value) {
        const given: unknown = value[name];
        if (given !== undefined) byName.get(name)?.write(to, given);
      }
    },
    read(from, end) {
      const result: Record<string, unknown> = {...blank};
      for (const name of lists) result[name] = [];
      while (from.position < end) {
        const tag = from.number();
        const known = byTag.get(tag);
        if (known === undefined) from.skip(tag & 7);
        else result[known.name] = known.read(from, result[known.name]);
      }
      if (from.position > end) throw new RangeError('truncated message');
      return result as Decoded<F>;
    },
  };
}

/** A message that is declared further down, as one that holds itself has to be. */
export function later<In, Out>(declared: () => Message<In, Out>): Message<In, Out> {
  return {
    shape: () => declared().shape(),
    write: (to, value) => {
      declared().write(to, value);
    },
    read: (from, end) => declared().read(from, end),
  };
}

export function encode<In>({write}: Message<In, unknown>, value: In): Buffer {
  const writer = new Writer();
  write(writer, value);
  return writer.finish();
}

/** Decodes a message. Its byte fields share the memory of `bytes`. */
export function decode<Out>({read}: Message<never, Out>, bytes: Buffer): Out {
  return read(new Reader(bytes), bytes.length);
}

/** Gives a field the name that it has in etcd's protocol, where that does not follow from its name here. */
export function named<In, Out>(protocolName: string, of: Field<In, Out>): Field<In, Out> {
  return {...of, shape: {...of.shape, protocolName}};
}

/** A whole number that a double holds: a revision, a count. */
export function int64(number: number): Field<number> {
  return field(number, varint, {type: 'int64'}, asNumber);
}

/** As {@link int64}, of what etcd has no sign for: a term, an index. */
export function uint64(number: number): Field<number> {
  return field(number, varint, {type: 'uint64'}, asNumber);
}

export function uint32(number: number): Field<number> {
  return field(number, varint, {type: 'uint32'}, asNumber);
}

const asNumber: Encoding<number> = {
  write: (to, value) => to.number(value),
  read: (from) => from.number(),
  absent: () => 0,
};

/** The id of a lease. A double does not hold 64 bits: in hexadecimal, without leading zeros. */
export function id(number: number): Field<string> {
  return field(number, varint, {type: 'int64'}, asHex);
}

/** The id of a cluster or a member, as {@link id}. It has no sign. */
export function memberId(number: number): Field<string> {
  return field(number, varint, {type: 'uint64'}, asHex);
}

const asHex: Encoding<string> = {
  write: (to, value) => to.hex(value),
  read: (from) => from.hex(),
  absent: () => '0',
};

export function bool(number: number): Field<boolean> {
  return field(
    number,
    varint,
    {type: 'bool'},
    {
      write: (to, value) => to.number(value ? 1 : 0),
      read: (from) => from.number() !== 0,
      absent: () => false,
    },
  );
}

/** What else is to be said of an enum. */
interface ChoiceOptions {
  /** How a server refuses another value. */
  refusal?: GrpcStatus;
  /** The names in etcd's protocol, where they are not those here in capitals. */
  protocolNames?: readonly string[];
}

/** An enum: the names of 0, 1, 2 and so on. */
export function choice<const Names extends readonly [string, ...string[]]>(
  number: number,
  names: Names,
  {refusal, protocolNames = names.map((name) => name.toUpperCase())}: ChoiceOptions = {},
): Field<Names[number]> {
  return field<Names[number]>(
    number,
    varint,
    {type: 'enum', values: protocolNames},
    {
      write: (to, value) => to.number(names.indexOf(value)),
      read(from) {
        const value = from.number();
        const name = names[value];
        if (name === undefined) throw new UnexpectedEnumValue(value, refusal);
        return name;
      },
      absent: () => names[0],
    },
  );
}

/** A message has a value of an enum that has no name. */
export class UnexpectedEnumValue extends RangeError {
  readonly refusal: GrpcStatus | undefined;

  constructor(value: number, refusal: GrpcStatus | undefined) {
    super(`unexpected enum value ${value}`);
    this.refusal = refusal;
  }
}

const nothing: Uint8Array = Buffer.alloc(0);

export function bytes(number: number): Field<Uint8Array> {
  return field(
    number,
    delimited,
    {type: 'bytes'},
    {
      write: (to, value) => to.bytes(value),
      read: (from) => from.bytes(),
      absent: () => nothing,
    },
  );
}

export function text(number: number): Field<string> {
  return field(
    number,
    delimited,
    {type: 'text'},
    {
      write: (to, value) => to.bytes(Buffer.from(value)),
      read: (from) => from.bytes().toString(),
      absent: () => '',
    },
  );
}

/** A message in a message. */
export function nested<In, Out>(number: number, of: Message<In, Out>): Field<In, Out | undefined> {
  const {write, read} = of;
  return field<In, Out | undefined>(
    number,
    delimited,
    {type: 'message', of},
    {
      write(to, value) {
        const start = to.begin();
        write(to, value);
        to.end(start);
      },
      read: (from) => read(from, from.end()),
      absent: () => undefined,
    },
  );
}

/**
 * A field that occurs any number of times. Numbers are read one by one and packed, as most clients send them, and written one by one,
 * which every reader takes.
 */
export function repeated<In, Out>(item: Field<In, Out>): Field<readonly In[], Exclude<Out, undefined>[]> {
  function read(from: Reader, earlier: Exclude<Out, undefined>[]): Exclude<Out, undefined>[] {
    // Only an absent item is undefined.
    earlier.push(item.read(from, item.absent()) as Exclude<Out, undefined>);
    return earlier;
  }

  function readPacked(from: Reader, earlier: Exclude<Out, undefined>[]): Exclude<Out, undefined>[] {
    const end = from.end();
    while (from.position < end) read(from, earlier);
    if (from.position > end) throw new RangeError('truncated message');
    return earlier;
  }

  const isNumber = (item.tag & 7) === varint;
  return {
    tag: item.tag,
    shape: {...item.shape, isRepeated: true},
    write(to, values) {
      for (const value of values) item.write(to, value);
    },
    read,
    absent: () => [],
    ...(isNumber ? {packed: {tag: item.tag | delimited, read: readPacked}} : {}),
  };
}

/** How to write a value after its tag, and how to read it. */
type Encoding<In, Out = In> = Omit<Field<In, Out>, 'tag' | 'shape'>;

function field<In, Out = In>(
  number: number,
  wireType: number,
  kind: Kind,
  {write, ...encoding}: Encoding<In, Out>,
): Field<In, Out> {
  const tag = (number << 3) | wireType;
  return {
    tag,
    shape: {kind},
    write(to, value) {
      to.number(tag);
      write(to, value);
    },
    ...encoding,
  };
}
