import {type} from 'arktype';
import {describe, expect, it} from '@jest/globals';
import {createKvi} from 'kvi-core';
import {modelDriver} from 'kvi-contract';
import * as v from 'valibot';
import {z} from 'zod';
import {bytes, type Codec, json, typed, type TypedKvi, utf8} from 'kvi-core/recipes';

type Same<A, B> = [A] extends [B] ? ([B] extends [A] ? true : false) : false;

/** What a schema for a number in a text takes and makes. */
interface In {
  id: string;
  count: string;
  note?: string | undefined;
}
interface Out {
  id: string;
  count: number;
  note?: string | undefined;
}

/** A class of the caller's. */
class Point {
  readonly x = 1;
  readonly y = 2;
}

/** The same schema in each library; the count is stored as text and read as a number. */
const zodSchema = z.object({
  id: z.string().min(1),
  count: z.string().transform(Number),
  note: z.string().optional(),
});
const valibotSchema = v.object({
  id: v.pipe(v.string(), v.minLength(1)),
  count: v.pipe(v.string(), v.transform(Number)),
  note: v.optional(v.string()),
});
const arkSchema = type({id: 'string >= 1', count: 'string.numeric.parse', 'note?': 'string | undefined'});

const codecs: [string, Codec<Out, In>][] = [
  ['zod', json(zodSchema)],
  ['valibot', json(valibotSchema)],
  ['arktype', json(arkSchema)],
];

async function textOf<In>(codec: Codec<unknown, In>, value: In): Promise<string> {
  return Buffer.from(await codec.encode(value, 'k')).toString();
}

async function valueOf<Out>(codec: Codec<Out, never>, text: string): Promise<Out> {
  return codec.decode(Buffer.from(text), 'k');
}

/** Writes without the compiler's consent. */
function untyped(codec: Codec<unknown, never>): (value: unknown) => Promise<string> {
  return (value) => textOf<unknown>(codec as Codec<unknown>, value);
}

describe.each(codecs)('json with a schema of %s', (_, codec) => {
  it('stores what the schema takes, and reads what it makes of that', async () => {
    const text = await textOf(codec, {id: 'a', count: '3'});
    expect(text).toBe('{"count":"3","id":"a"}');
    expect(await valueOf(codec, text)).toEqual({id: 'a', count: 3});
  });

  it('refuses a value when it is written, and when it is read, and says where it is wrong', async () => {
    await expect(untyped(codec)({id: 'a', count: 3})).rejects.toThrow(/count/);
    await expect(valueOf(codec, '{"id":"","count":"3"}')).rejects.toThrow(/id/);
    const error = await valueOf(codec, '{}').catch((reason: unknown) => reason);
    expect(error).toHaveProperty('cause.0.path');
    expect(error).toHaveProperty('cause.1.path');
  });

  it('names the key and what is wrong in the error of a typed view', async () => {
    const kv = createKvi(modelDriver());
    const view = typed(kv, codec);
    await kv.store('order/1', '{"id":"a"}');
    await expect(view.get('order/1')).rejects.toMatchObject({
      code: 'KVI_INVALID_VALUE',
      message: expect.stringMatching(/"order\/1".*count/),
      cause: expect.objectContaining({cause: expect.any(Array)}),
    });
    await expect(view.store('order/2', {id: '', count: '1'})).rejects.toMatchObject({
      code: 'KVI_INVALID_VALUE',
      message: expect.stringMatching(/"order\/2".*id/),
    });
    expect(await kv.get('order/2')).toBeUndefined();
    await view.store('order/1', {id: 'a', count: '1'});
    expect(
      await view.update('order/1', (order) => ({id: 'a', count: String((order?.count ?? 0) + 1)})),
    ).toEqual({
      id: 'a',
      count: '2',
    });
    expect(await view.get('order/1')).toEqual({id: 'a', count: 2});
    await kv.close();
  });
});

describe('The types', () => {
  it('of a codec are those of its schema, what is read and what is written apart', () => {
    const zod = json(zodSchema);
    const valibot = json(valibotSchema);
    const ark = json(arkSchema);
    true satisfies Same<typeof zod, Codec<z.output<typeof zodSchema>, z.input<typeof zodSchema>>>;
    true satisfies Same<
      typeof valibot,
      Codec<v.InferOutput<typeof valibotSchema>, v.InferInput<typeof valibotSchema>>
    >;
    true satisfies Same<typeof ark, Codec<typeof arkSchema.infer, typeof arkSchema.inferIn>>;
    // @ts-expect-error what is read is not what is written
    zod satisfies Codec<Out>;
    // @ts-expect-error nor with valibot
    valibot satisfies Codec<Out>;
    // @ts-expect-error nor with arktype
    ark satisfies Codec<Out>;
    // @ts-expect-error what is written is not what is read
    zod satisfies Codec<In>;
    // @ts-expect-error a codec that takes less cannot be used where more is written
    utf8 satisfies Codec<string, string | number>;
    // @ts-expect-error the type that is named has to be the schema's
    json<In>(zodSchema);
    expect([zod, valibot, ark, json<Out>()]).toHaveLength(4);
  });

  it('of a view keep what is read and what is written apart', () => {
    const kv = createKvi(modelDriver());
    const view = typed(kv, json(zodSchema));
    type View = typeof view;
    true satisfies Same<View, TypedKvi<z.output<typeof zodSchema>, z.input<typeof zodSchema>>>;
    true satisfies Same<Awaited<ReturnType<View['get']>>, z.output<typeof zodSchema> | undefined>;
    true satisfies Same<Awaited<ReturnType<View['update']>>, z.input<typeof zodSchema> | undefined>;

    async function compiled(): Promise<void> {
      // @ts-expect-error what is written is the schema's input
      await view.store('k', {id: 'a', count: 3});
      // @ts-expect-error what is read cannot be written back as it is
      await view.update('k', (order) => order);
      // @ts-expect-error keys are text
      await view.get(Buffer.from('k'));
      // @ts-expect-error values are needed
      await view.getRange({prefix: ''}, {keysOnly: true});
      for (const {key, value, error} of await view.getRange({prefix: 'a'})) {
        // @ts-expect-error the value may be invalid
        value.count.toFixed();
        if (error === undefined) value.count.toFixed();
        else error.code satisfies string;
        key satisfies string;
      }
      for await (const {events} of view.changes({prefix: 'a'})) {
        for (const event of events) {
          if (event.type === 'delete' || event.error !== undefined) continue;
          event.value.count satisfies number;
          // @ts-expect-error the value before may be invalid, too
          event.prevKv?.value.count satisfies number | undefined;
        }
      }
    }
    expect(compiled).toBeDefined();
    void kv.close();
  });
});

describe('json', () => {
  const plain = json<unknown>();

  it.each([
    [{b: 1, a: {d: [{f: 1, e: 2}], c: null}}, '{"a":{"c":null,"d":[{"e":2,"f":1}]},"b":1}'],
    [{10: 'x', 9: 'y', a: 'z'}, '{"10":"x","9":"y","a":"z"}'],
    [{'\u{1f600}': 1, '\ufb33': 2}, '{"\u{1f600}":1,"\ufb33":2}'],
    [JSON.parse('{"__proto__":{"x":1},"a":1}'), '{"__proto__":{"x":1},"a":1}'],
    [{a: undefined, b: 1}, '{"b":1}'],
    [{at: new Date(0)}, '{"at":"1970-01-01T00:00:00.000Z"}'],
    [{toJSON: (name: string) => [name]}, '[""]'],
    [{a: {toJSON: (name: string) => name}}, '{"a":"a"}'],
    [{a: {toJSON: () => undefined}}, '{}'],
    [Object.create(null), '{}'],
    [new Point(), '{"x":1,"y":2}'],
    ['\ud800', String.raw`"\ud800"`],
    [null, 'null'],
    [-0, '0'],
    [1e21, '1e+21'],
    [[], '[]'],
  ])('writes %j as %s', async (value, text) => {
    expect(await textOf(plain, value)).toBe(text);
    expect(JSON.parse(text)).toEqual(JSON.parse(JSON.stringify(value)));
  });

  it('writes one object in two places; only a cycle is refused', async () => {
    const shared = {a: 1};
    expect(await textOf(plain, [shared, shared])).toBe('[{"a":1},{"a":1}]');
  });

  const cycle: {a: unknown[]} = {a: []};
  cycle.a.push(cycle);

  it.each<[string, unknown, string]>([
    ['undefined', undefined, 'undefined'],
    ['NaN', {price: NaN}, 'NaN (at .price)'],
    ['Infinity', [[-Infinity]], '-Infinity (at [0][0])'],
    ['a bigint', {a: [{b: 1n}]}, 'bigint (at .a[0].b)'],
    ['undefined in an array', [1, undefined], 'undefined (at [1])'],
    ['a hole in an array', Array(1), 'undefined (at [0])'],
    ['a function', {a: () => undefined}, 'function (at .a)'],
    ['a symbol', Symbol('s'), 'symbol'],
    ['a Map', {a: new Map([[1, 2]])}, 'Map'],
    ['a Set', new Set([1]), 'Set'],
    ['a typed array', new Uint8Array(1), 'Uint8Array'],
    ['a cycle', cycle, 'cycle (at .a[0])'],
    ['a Promise', {a: Promise.resolve(1)}, 'Promise (at .a)'],
    ['an Error', new Error('e'), 'Error'],
    ['a regular expression', [/a/], 'RegExp (at [0])'],
    ['a WeakMap', new WeakMap(), 'WeakMap'],
    ['an ArrayBuffer', new ArrayBuffer(1), 'ArrayBuffer'],
    ['a DataView', new DataView(new ArrayBuffer(1)), 'DataView'],
    ['a boxed number', Object(1), 'Number'],
    ['a boxed boolean', Object(false), 'Boolean'],
    ['a boxed string', Object('s'), 'String'],
    ['an invalid date', {a: [new Date(NaN)]}, 'invalid date (at .a[0])'],
  ])('refuses %s', async (_, value, message) => {
    await expect(textOf(plain, value)).rejects.toThrow(`JSON has no ${message}`);
  });

  it('refuses what is too deep, and what is not JSON or not text', async () => {
    let deep: unknown = 1;
    for (let i = 0; i < 100_000; i += 1) deep = [deep];
    await expect(textOf(plain, deep)).rejects.toThrow(RangeError);
    for (const text of ['', '{', "{'a': 1}", '{"a":1}}'])
      await expect(valueOf(plain, text)).rejects.toThrow();
    await expect(plain.decode(Buffer.from([0x22, 0xff, 0x22]), 'k')).rejects.toThrow('not UTF-8');
  });

  it('validates what will be read: a Date is text by then', async () => {
    await expect(textOf(json(z.object({at: z.date()})), {at: new Date(0)})).rejects.toThrow(/at: /);
    const coerced = json(z.object({at: z.coerce.date<Date | string>()}));
    const text = await textOf(coerced, {at: new Date(0)});
    expect(await valueOf(coerced, text)).toEqual({at: new Date(0)});
  });

  it('waits for an asynchronous schema', async () => {
    const even = json(z.number().refine(async (n) => Promise.resolve(n % 2 === 0), 'odd'));
    expect(await textOf(even, 2)).toBe('2');
    await expect(textOf(even, 3)).rejects.toThrow('odd');
    await expect(valueOf(even, '3')).rejects.toThrow('odd');
  });

  it('lists a few issues, and has all of them as its cause', async () => {
    const error = await valueOf(json(z.array(z.string())), '[1,2,3,4,5,6,7]').catch(
      (reason: unknown) => reason,
    );
    expect(error).toMatchObject({message: expect.stringMatching(/^0: .*; 4: .*; and 2 more$/)});
    expect(error).toHaveProperty('cause.length', 7);
  });

  it.each([null, 5, {}, {'~standard': {}}])('refuses %j, which is no schema', (bad) => {
    expect(() => json(bad as never)).toThrow(expect.objectContaining({code: 'KVI_INVALID_ARGUMENT'}));
  });
});

describe('utf8 and bytes', () => {
  it('store text as UTF-8, and bytes as they are', async () => {
    expect(await textOf(utf8, 'é')).toBe('é');
    expect(await valueOf(utf8, 'é')).toBe('é');
    const own = Buffer.from([0xff]);
    expect(await bytes.encode(own, 'k')).toBe(own);
    expect(await bytes.decode(own, 'k')).toBe(own);
  });

  it('refuse everything else', () => {
    expect(() => utf8.encode(5 as never, 'k')).toThrow('expected a string, not 5');
    expect(() => utf8.encode('\ud800', 'k')).toThrow('surrogate');
    expect(() => utf8.decode(Buffer.from([0xff]), 'k')).toThrow('not UTF-8');
    expect(() => bytes.encode('text' as never, 'k')).toThrow('expected a Uint8Array, not "text"');
  });
});
