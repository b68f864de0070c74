import {expect, it} from '@jest/globals';
import {describeWithEtcd, sharedEtcdUrl} from 'kvi-testbed';
import {killMirror} from '../support/killed-mirror.ts';

describeWithEtcd('kvi mirror', () => {
  it('misses nothing and repeats nothing when it is killed a hundred times', async () => {
    const {difference, versions} = await killMirror(sharedEtcdUrl(), 100, 2);
    expect(difference).toBe('');
    expect(versions).toEqual({source: 100, target: 100});
  }, 900_000);
});
