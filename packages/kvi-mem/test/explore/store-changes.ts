import fc from 'fast-check';
import type {World} from './world.ts';

/** Where all changes are made. */
export const prefix = 'w/';

/** One change of a key, or a compaction of all there was before. */
export interface Change {
  after: number;
  kind: 'put' | 'delete' | 'put two' | 'compact';
  key: string;
}

/** Some changes, of these kinds. */
export function changesOf(kinds: Change['kind'][]): fc.Arbitrary<Change[]> {
  const change = fc.record<Change>({
    after: fc.nat(30),
    kind: fc.constantFrom(...kinds),
    key: fc.constantFrom('w/a', 'w/b'),
  });
  return fc.array(change, {minLength: 1, maxLength: 10});
}

/** Makes a change when its time has come. */
export async function change(world: World, {after, kind, key}: Change, value: string): Promise<void> {
  const {truth} = world;
  await world.steps(after, 'a change is to come');
  const put = (name: string) => ({type: 'put', key: Buffer.from(name), value: Buffer.from(value)}) as const;
  if (kind === 'put') await truth.txn({success: [put(key)]});
  else if (kind === 'put two') await truth.txn({success: [put('w/a'), put('w/b')]});
  else if (kind === 'delete') {
    await truth.txn({success: [{type: 'deleteRange', key: Buffer.from(key)}]});
  } else {
    const {revision} = await truth.range({key: Buffer.from(key)});
    await truth.compact({revision}).catch(() => undefined);
  }
}

/** Keys and values after each revision that changed something, and the changes that led there. */
export type Past = Map<number, {state: ReadonlyMap<string, string>; changes: string[]}>;

/** Follows the store from its beginning, before anything is compacted away. */
export function follow({truth}: World): Past {
  const past: Past = new Map([[1, {state: new Map(), changes: []}]]);
  const state = new Map<string, string>();
  const watch = truth.watch({key: Buffer.from(prefix), rangeEnd: Buffer.from('w0')});
  void (async () => {
    for await (const {events, revision} of watch) {
      const changes: string[] = [];
      for (const {type, kv} of events) {
        const [key, value] = [Buffer.from(kv.key).toString(), Buffer.from(kv.value).toString()];
        if (type === 'put') state.set(key, value);
        else state.delete(key);
        changes.push(describeChange({type, key, value, modRevision: revision}));
      }
      past.set(revision, {state: new Map(state), changes});
    }
  })();
  return past;
}

/** `put a=1@3`. */
export function describeChange(of: {
  type: string;
  key: string;
  value: string | undefined;
  modRevision: number;
}) {
  return `${of.type} ${of.key}=${of.type === 'put' ? of.value : ''}@${of.modRevision}`;
}
