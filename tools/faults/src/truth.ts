/** What really happened: every event of the store, watched past the faults. */
import {allKeys, callAny, decode} from './gateway.ts';
import {setTimeout as sleep} from 'node:timers/promises';

/** One change of one key. */
export interface TrueEvent {
  revision: number;
  key: string;
  /** Absent for a deletion. */
  value?: string;
}

/** Collects every event from revision 1 on. */
export interface Truth {
  readonly events: readonly TrueEvent[];
  /** The last revision of which all events are here. */
  readonly revision: number;
  /** Resolves once all events up to the present revision are here. Rejects if one is missing. */
  complete(): Promise<void>;
  close(): void;
}

interface WatchResult {
  result?: {
    events?: {type?: 'DELETE'; kv: {key: string; value?: string; mod_revision: string}}[];
  };
}

/** How long a member may be silent, in a store that changes all the time, before we ask another. */
const stallMs = 1_500;

/** @param endpoints the members' own, with no proxy in between */
export function watchTruth(endpoints: readonly string[]): Truth {
  const events: TrueEvent[] = [];
  const closing = new AbortController();
  let revision = 1;

  /** Watches one member until it fails or stalls. */
  async function follow(endpoint: string): Promise<void> {
    const stalled = new AbortController();
    const timer = setTimeout(() => stalled.abort(), stallMs);
    try {
      const response = await fetch(`http://${endpoint}/v3/watch`, {
        method: 'POST',
        body: JSON.stringify({
          create_request: {...allKeys, start_revision: revision + 1},
        }),
        signal: AbortSignal.any([stalled.signal, closing.signal]),
      });
      if (response.body === null) return;
      let rest = '';
      for await (const text of response.body.pipeThrough(new TextDecoderStream())) {
        timer.refresh();
        const lines = (rest + text).split('\n');
        rest = lines.pop() ?? '';
        for (const line of lines) take(JSON.parse(line) as WatchResult);
      }
    } catch {
      // The next member continues after the last revision that is here.
    } finally {
      clearTimeout(timer);
    }
  }

  function take({result}: WatchResult): void {
    for (const {type, kv} of result?.events ?? []) {
      const event: TrueEvent = {revision: Number(kv.mod_revision), key: decode(kv.key)};
      if (type !== 'DELETE') event.value = decode(kv.value);
      events.push(event);
      revision = event.revision;
    }
  }

  async function run(): Promise<void> {
    for (let turn = 0; !closing.signal.aborted; turn += 1) {
      await follow(endpoints[turn % endpoints.length] ?? '');
      await sleep(50);
    }
  }

  void run();
  return {
    events,
    get revision() {
      return revision;
    },
    async complete() {
      const {header} = await callAny<{header: {revision: string}}>(endpoints, 'kv/range', {
        ...allKeys,
        count_only: true,
      });
      const deadline = performance.now() + 20_000;
      while (revision < Number(header.revision)) {
        if (performance.now() > deadline) throw new Error('timed out waiting for the true history');
        await sleep(20);
      }
      let expected = 1;
      for (const event of events) {
        if (event.revision !== expected && event.revision !== (expected += 1)) {
          throw new Error(`the true history has a gap: revision ${event.revision} follows ${expected - 1}`);
        }
      }
    },
    close: () => closing.abort(),
  };
}
