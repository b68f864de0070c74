/** How etcd's Go client, `client/v3/naming/endpoints`, stores the instances of a service. */
import {messageOf} from '../etcd/bad-input.ts';
import {type Bytes, decodeUtf8} from '../etcd/bytes.ts';
import {KviError} from '../etcd/errors.ts';
import type {KeyValue} from '../etcd/messages.ts';
import {sortedJson} from './sorted-json.ts';

/** An instance of a service. */
export interface Instance {
  /** Where it listens, as it registered: `10.0.0.1:8080`. */
  readonly addr: string;
  /** Any JSON that the instance publishes about itself; `null` if it publishes nothing. */
  readonly metadata: unknown;
  /** The key that it is registered under: `<target>/<addr>`, though a Go client may choose another below the target. */
  readonly key: string;
}

/**
 * What Go's `json.Marshal` writes of an `Update`, byte for byte; of a map, Go sorts the keys.
 *
 * @throws `KVI_INVALID_ARGUMENT` for metadata that JSON cannot hold
 * @see https://github.com/etcd-io/etcd/blob/main/client/v3/naming/endpoints/internal/update.go
 */
export function encodeInstance(addr: string, metadata: unknown = null): string {
  // Go escapes what HTML or JavaScript could misread. Outside of texts, JSON has none of these characters.
  return `{"Op":0,"Addr":${JSON.stringify(addr)},"Metadata":${encodeMetadata(metadata)}}`.replaceAll(
    /[<>&\u2028\u2029]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

function encodeMetadata(metadata: unknown): string {
  try {
    return sortedJson(metadata);
  } catch (cause) {
    throw new KviError('KVI_INVALID_ARGUMENT', `metadata: ${messageOf(cause)}`, {cause});
  }
}

/** What was decoded before: a state of many instances follows each change of one. */
const decoded = new WeakMap<KeyValue<Bytes>, {instance: Instance | undefined}>();

/** The instances in a target's keys, by address. */
export function decodeInstances(entries: Iterable<KeyValue<Bytes>>): ReadonlyMap<string, Instance> {
  const instances = Array.from(entries)
    .sort((one, other) => one.modRevision - other.modRevision)
    .map(decodeOnce)
    .filter((instance) => instance !== undefined);
  return new Map(instances.map((instance) => [instance.addr, instance]));
}

function decodeOnce(entry: KeyValue<Bytes>): Instance | undefined {
  const known = decoded.get(entry) ?? {instance: decodeInstance(entry)};
  decoded.set(entry, known);
  return known.instance;
}

/**
 * Decodes what Go's `json.Unmarshal` decodes into an `Update`: names of fields in upper or lower case, and bytes that are
 * not UTF-8 as U+FFFD. What was put is there, whatever its `Op` says.
 */
function decodeInstance(entry: KeyValue<Bytes>): Instance | undefined {
  const key = decodeUtf8(entry.key);
  const fields = parseFields(entry.value);
  if (key === undefined || fields === undefined) return undefined;
  const op = fields.get('op') ?? 0;
  const addr = fields.get('addr');
  const metadata = fields.get('metadata') ?? null;
  if (!isOperation(op) || typeof addr !== 'string' || addr === '') return undefined;
  return {addr, metadata, key};
}

/** The fields of an object in JSON, by name in lower case; the last one of a name counts. */
function parseFields(json: Bytes): Map<string, unknown> | undefined {
  try {
    const parsed: unknown = JSON.parse(Buffer.from(json).toString());
    if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed)) return undefined;
    return new Map(Object.entries(parsed).map(([name, value]) => [name.toLowerCase(), value]));
  } catch {
    return undefined;
  }
}

/** Go's `Operation` is a `uint8`. */
function isOperation(op: unknown): boolean {
  return typeof op === 'number' && Number.isInteger(op) && op >= 0 && op <= 255;
}
