import type {CallOptions} from '../api/call-options.ts';
import type {Keys} from '../api/keys.ts';
import type {Kvi} from '../api/kvi.ts';
import {checkBoolean} from '../etcd/bad-input.ts';
import {type Bytes, encode, type Input} from '../etcd/bytes.ts';
import {invalidArgument, isKviError, KviError} from '../etcd/errors.ts';
import {noLease} from '../etcd/lease-id.ts';
import {checkOneOf, checkRange} from '../etcd/validate.ts';
import {encodeKeys} from '../kvi/codec.ts';
import {insideOf} from '../kvi/inside.ts';
import {optionNames} from '../kvi/option-names.ts';
import {type ExportedKeys, formatLine} from './exported-line.ts';
import {keyReader} from './key-reader.ts';

/** Options of {@link exportKeys}. */
export interface ExportKeysOptions extends CallOptions {
  /** Milliseconds until each of its reads gives up. Default: the handle's. */
  timeoutMs?: number | undefined;
  /** Export the store as it was at this revision. Default: now. */
  revision?: number | undefined;
  /**
   * Include keys under leases. Default false: the last line says how many were left out. They are the keys of locks, elections
   * and instances that live now; a permanent copy of a lock's key would be a holder that never releases it.
   */
  leased?: boolean | undefined;
  /**
   * What to do when the revision is compacted during the export. `error`, the default, ends with `KVI_COMPACTED`. `restart`
   * begins again at the present revision, with a line that says that all lines before are void; {@link importKeys}
   * understands it. Not together with `revision`.
   */
  onCompacted?: 'error' | 'restart' | undefined;
}

const exportOptionNames = [...optionNames.call, 'revision', 'leased', 'onCompacted'];

/**
 * Exports keys as lines of JSON, for a file or for {@link importKeys}: all of one revision, whatever is written meanwhile,
 * exact to the byte, in ascending order. It reads as its consumer takes the lines, and holds at most 512 keys at a time, fewer
 * if their values are large.
 *
 * ```ts
 * for await (const line of exportKeys(kv, {prefix: 'app/'})) file.write(`${line}\n`);
 * ```
 *
 * The first line names the format, the revision and the keys that were asked for; the last one says how many came before,
 * so that a file that was cut off is noticed. `docs/export-import.md` describes each.
 *
 * @param keys - a key, `{prefix}` or `{start, end}`; `{prefix: ''}` for all
 * @returns the lines, without line ends. It ends with `KVI_COMPACTED` if the revision was compacted: export again, or pass
 *   `onCompacted: 'restart'`; with `KVI_FUTURE_REVISION` for a `revision` that the store does not have yet; and as
 *   {@link Kvi.range}.
 * @throws `KVI_INVALID_ARGUMENT`, `KVI_ABORTED`, `KVI_CLOSED`, at once
 */
export function exportKeys(
  kv: Kvi<Input>,
  keys: Keys,
  options?: ExportKeysOptions,
): AsyncGenerator<string, undefined> {
  const {handle} = insideOf(kv);
  const plan = handle.begin(options, exportOptionNames, (own = {}): Plan => {
    const {revision = 0, leased, onCompacted = 'error', ...callOptions} = own;
    checkBoolean('leased', leased);
    checkOneOf('onCompacted', onCompacted, ['error', 'restart']);
    if (revision !== 0 && onCompacted === 'restart') {
      throw invalidArgument("pass revision or onCompacted: 'restart', not both");
    }
    const exported = readKeys(keys);
    checkRange({...encodeKeys(exported), revision}, handle.options);
    return {
      keys: exported,
      revision,
      isLeasedToo: leased === true,
      restarts: onCompacted === 'restart',
      callOptions,
    };
  });
  return linesOf(kv.bytes, plan);
}

/** What is to be exported. */
interface Plan {
  keys: ExportedKeys;
  /** 0: the present one. */
  revision: number;
  isLeasedToo: boolean;
  restarts: boolean;
  callOptions: CallOptions;
}

/** @throws `KVI_INVALID_ARGUMENT` */
function readKeys(keys: Keys): ExportedKeys {
  const {key: start, rangeEnd: end} = encodeKeys(keys);
  return typeof keys === 'object' && 'prefix' in keys
    ? // Stryker disable next-line StringLiteral: what cannot be encoded was refused by encodeKeys
      {prefix: encode(keys.prefix, 'prefix')}
    : {start, end};
}

async function* linesOf(kv: Kvi<Bytes>, plan: Plan): AsyncGenerator<string, undefined> {
  const {keys, restarts, callOptions} = plan;
  for (let type: 'kvi-export' | 'restart' = 'kvi-export'; ; type = 'restart') {
    const asked = {...callOptions, revision: plan.revision};
    const present = await kv.range(keys, {...asked, countOnly: true});
    const revision = plan.revision || present.revision;
    yield formatLine(type === 'restart' ? {type, revision} : {type, revision, keys});
    try {
      return yield* entriesOf(kv, plan, revision);
    } catch (error) {
      if (!isKviError(error, 'KVI_COMPACTED')) throw error;
      if (!restarts) throw compacted(revision, error);
    }
  }
}

async function* entriesOf(
  kv: Kvi<Bytes>,
  {keys: exported, isLeasedToo, callOptions}: Plan,
  revision: number,
): AsyncGenerator<string, undefined> {
  let keys = 0;
  let skipped = 0;
  for await (const found of keyReader(kv, encodeKeys(exported), {...callOptions, revision}).until()) {
    const {key, value} = found;
    const lease = found.lease === noLease ? undefined : found.lease;
    if (lease !== undefined && !isLeasedToo) {
      skipped += 1;
      continue;
    }
    keys += 1;
    yield formatLine({type: 'entry', key, value, lease});
  }
  yield formatLine({type: 'end', keys, skipped});
  return undefined;
}

function compacted(revision: number, cause: KviError): KviError {
  return new KviError(
    'KVI_COMPACTED',
    `revision ${revision} was compacted during its export, which is incomplete; export again, or pass onCompacted: 'restart'`,
    {cause},
  );
}
