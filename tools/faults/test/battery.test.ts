import {expect, it} from '@jest/globals';
import {describeWithEtcd} from 'kvi-testbed';
import {runBattery} from '../src/battery.ts';
import {brokenPromises} from '../src/checker/check.ts';
import {faultKinds} from '../src/schedule.ts';
import {table} from '../src/table.ts';

/** The short form of `npm run test:faults`: every kind of fault once. */
const options = {library: 'kvi', minutes: 0.4, seed: 7} as const;

describeWithEtcd('under the failure battery', () => {
  it('kvi keeps its promises', async () => {
    const report = await runBattery(options);
    const broken = brokenPromises(report);
    if (broken.length > 0) console.error(table({kvi: report}));
    expect(broken).toEqual([]);
    expect(new Set(report.faults.map(({kind}) => kind)).size).toBe(faultKinds.length);
    expect(report.operations).toBeGreaterThan(500);
    expect(report.watches.delivered).toBeGreaterThan(100);
    expect(report.locks.held).toBeGreaterThan(5);
  }, 120_000);
});
