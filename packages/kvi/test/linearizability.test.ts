import {afterAll, beforeAll, describe, expect, it} from '@jest/globals';
import * as fc from 'fast-check';
import {createKvi} from 'kvi-core';
import {
  checkHistory,
  type CallHistory,
  historyRecorder,
  initialState,
  type RecordedWatch,
} from 'kvi-contract';
import type {Driver} from 'kvi-core/driver';
import {openEtcdDriver} from 'kvi-etcd';
import {MemStore} from 'kvi-mem';
import {describeWithEtcd, type EtcdCluster, startEtcdCluster} from 'kvi-testbed';
import {concurrentProgram, empty, runConcurrently} from './support/concurrent-programs.ts';

/**
 * Runs random programs at the same time on these handles of one store, and checks what came of them.
 *
 * @param leaveOut watches that are not to be checked
 */
async function checkPrograms(
  drivers: readonly Driver[],
  runs: number,
  leaveOut: (history: CallHistory, watch: RecordedWatch) => boolean = () => false,
): Promise<void> {
  const [first] = drivers;
  if (!first) throw new Error('there has to be a handle');
  const property = fc.asyncProperty(concurrentProgram(drivers.length), async (program) => {
    const revision = await empty(first);
    const {history, record} = historyRecorder();
    const recorded = drivers.map((driver, index) => record(driver, `client ${index}`));
    await runConcurrently(program, recorded, revision);
    const watches = history.watches.filter((watch) => !leaveOut(history, watch));
    expect(checkHistory({calls: history.calls, watches}, initialState({revision})).join('\n')).toBe('');
  });
  // What happens at the same time does not happen again in the same way: a smaller program would prove nothing.
  await fc.assert(property, {seed: 4, numRuns: runs, endOnFailure: true});
}

/** Such a watch may lack a deletion in etcd before 3.4.34 and 3.5.16: an accepted difference. */
function startsWhereItWasCompacted({calls}: CallHistory, {request}: RecordedWatch): boolean {
  return calls.some(
    (call) => call.request.type === 'compact' && call.request.revision === request.startRevision,
  );
}

describe('Calls at the same time behave as one after the other on mem:', () => {
  it('through several handles', async () => {
    const store = new MemStore();
    await checkPrograms([store.driver(), store.driver(), store.driver(), store.driver()], 100);
  });

  it('through one handle that sends calls together', async () => {
    const driver = new MemStore().driver({coalesce: true});
    await checkPrograms([driver, driver, driver, driver], 100);
  });

  it('through several facades that count and exchange', async () => {
    const {history, record} = historyRecorder();
    const store = new MemStore();
    await addConcurrently(
      ['one', 'two', 'three'].map((client) => record(store.driver(), client)),
      history,
    );
  });
});

describeWithEtcd.each([1, 3])(
  'Calls at the same time behave as one after the other on an etcd of %i',
  (size) => {
    let cluster: EtcdCluster;
    let drivers: Driver[];

    beforeAll(async () => {
      // On a machine under load, the short time-outs of other tests would make the members elect leaders all the time.
      const args = ['--heartbeat-interval=100', '--election-timeout=1000'];
      cluster = await startEtcdCluster(size, {args});
      const urls = Array.from({length: 4}, (_, index) => String(cluster.nodes[index % size]?.url));
      drivers = await Promise.all(urls.map((url) => openEtcdDriver(url)));
    });

    afterAll(async () => {
      await Promise.all(drivers.map((driver) => driver.close()));
      await cluster.stop();
    });

    it('through several handles', async () => {
      await checkPrograms(drivers, 10, startsWhereItWasCompacted);
    }, 120_000);
  },
);

/** Adds to a counter with `tas`, and moves between two keys with `transaction`, through a facade on each driver. */
async function addConcurrently(drivers: readonly Driver[], history: CallHistory): Promise<void> {
  const facades = drivers.map((driver) => createKvi(driver));
  const eachAdds = 20;
  await facades[0]?.store('count', '0');
  await Promise.all(
    facades.map(async (kv) => {
      for (let added = 0; added < eachAdds;) {
        const count = String(await kv.get('count'));
        if (await kv.tas('count', count, String(Number(count) + 1))) added += 1;
        await kv.transaction('count', '>', '5', 'large', count, 'small', count);
        await kv.getRange('a', 'z');
      }
    }),
  );
  expect(await facades[0]?.get('count')).toBe(String(eachAdds * drivers.length));
  await Promise.all(facades.map((kv) => kv.close()));
  expect(checkHistory(history).join('\n')).toBe('');
}
