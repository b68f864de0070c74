import {expect, it} from '@jest/globals';
import {describeWithEtcd} from 'kvi-testbed';
import {runBattery} from '../src/battery.ts';
import {brokenPromises} from '../src/checker/check.ts';
import {faultKinds} from '../src/schedule.ts';
import {table} from '../src/table.ts';

/** The short form of `npm run test:faults`: every kind of fault once. */
const options = {library: 'kvi', minutes: 0.2, seed: 7} as const;

describeWithEtcd('under the failure battery', () => {
  it('kvi keeps its promises', async () => {
    const report = await runBattery(options);
    const broken = brokenPromises(report);
    if (broken.length > 0) console.error(table({kvi: report}));
    expect(broken).toEqual([]);
    expect(new Set(report.faults.map(({kind}) => kind)).size).toBe(faultKinds.length);
    // That it did something at all; on an idle machine it does a hundred times as much.
    expect(report.operations).toBeGreaterThan(20);
    expect(report.watches.delivered).toBeGreaterThan(5);
    expect(report.locks.held).toBeGreaterThan(0);
    expect(report.leaderships.held).toBeGreaterThan(0);
    expect(report.queue.acked).toBeGreaterThan(0);
  }, 300_000);
});
