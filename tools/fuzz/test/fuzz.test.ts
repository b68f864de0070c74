import {expect, it} from '@jest/globals';
import {describeWithEtcd} from 'kvi-testbed';
import {fuzz} from '../src/fuzz.ts';
import {describeReport} from '../src/report.ts';

describeWithEtcd('The twin and etcd', () => {
  it('answer 150 generated programs in the same way', async () => {
    const options = {releases: ['own'], seed: 20_261_120, lanes: 6, programs: 25} as const;
    const reports = await fuzz({...options, minutes: Infinity});
    for (const report of reports) {
      // The programs that differ, as a person reads them, and how to replay them.
      if (report.divergences.length > 0) console.error(describeReport(report));
      expect(report.divergences).toEqual([]);
      expect(report.tally.operations).toBeGreaterThan(1000);
      expect(report.tally.events).toBeGreaterThan(100);
      expect(Object.keys(report.tally.errors)).toEqual(
        expect.arrayContaining([
          'KVI_CLOSED',
          'KVI_COMPACTED',
          'KVI_FUTURE_REVISION',
          'KVI_KEY_NOT_FOUND',
          'KVI_LEASE_EXISTS',
          'KVI_LEASE_NOT_FOUND',
        ]),
      );
    }
  }, 300_000);
});
