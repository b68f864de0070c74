/**
 * JSON with the keys of every object sorted by UTF-16 code units, as RFC 8785 has it: values that are equal are equal as
 * text. A property that is undefined is left out, and `toJSON` is honoured, as by `JSON.stringify`.
 *
 * @throws `TypeError` for what `JSON.stringify` would drop or change without a word: numbers that are not finite,
 *   functions, symbols, undefined except as a property, invalid dates, and what a Map, an Error, a boxed number or any other
 *   object of a built-in class holds; and for what it refuses: a bigint, a cycle
 */
export function sortedJson(root: unknown): string {
  const ancestors = new Set<object>();

  function write(value: unknown, path: string): string {
    switch (typeof value) {
      case 'string':
      case 'boolean':
        return JSON.stringify(value);
      case 'number':
        if (!Number.isFinite(value)) throw noJson(String(value), path);
        return JSON.stringify(value);
      case 'object':
        return value === null ? 'null' : writeObject(value, path);
      default:
        throw noJson(typeof value, path);
    }
  }

  function writeObject(value: object, path: string): string {
    if (ancestors.has(value)) throw noJson('cycle', path);
    ancestors.add(value);
    const text = Array.isArray(value) ? writeArray(value, path) : writeProperties(value, path);
    ancestors.delete(value);
    return text;
  }

  function writeArray(items: readonly unknown[], path: string): string {
    const texts = Array.from(items, (item, i) => {
      const itemPath = `${path}[${i}]`;
      return write(plain(item, String(i), itemPath), itemPath);
    });
    return `[${texts.join(',')}]`;
  }

  function writeProperties(value: object, path: string): string {
    if (className(value) !== 'Object' || Symbol.iterator in value) throw noJson(className(value), path);
    const texts: string[] = [];
    for (const [name, property] of Object.entries(value).sort(byName)) {
      const itemPath = `${path}.${name}`;
      const item = plain(property, name, itemPath);
      if (item !== undefined) texts.push(`${JSON.stringify(name)}:${write(item, itemPath)}`);
    }
    return `{${texts.join(',')}}`;
  }

  return write(plain(root, '', ''), '');
}

/** What `toJSON` makes of a value, if it has one. */
function plain(value: unknown, name: string, path: string): unknown {
  if (!hasToJson(value)) return value;
  // Its `toJSON` returns null.
  if (className(value) === 'Date' && Number.isNaN(Number(value))) throw noJson('invalid date', path);
  return value.toJSON(name);
}

function hasToJson(value: unknown): value is {toJSON(name: string): unknown} {
  return typeof (value as {toJSON?: unknown} | null | undefined)?.toJSON === 'function';
}

/** `Map`, of any realm. `Object` of an object literal, and of an instance of a class of the caller's. */
function className(value: object): string {
  return Object.prototype.toString.call(value).slice('[object '.length, -1);
}

function byName([a]: [string, unknown], [b]: [string, unknown]): number {
  return a < b ? -1 : 1;
}

function noJson(what: string, path: string): TypeError {
  return new TypeError(`JSON has no ${what}${path === '' ? '' : ` (at ${path})`}`);
}
