import {expect, it} from '@jest/globals';
import {describeWithEtcd, runNode, sharedEtcdUrl} from 'kvi-testbed';
import {fileURLToPath} from 'node:url';

describeWithEtcd('many waits on one signal', () => {
  it.each(['mem:', 'etcd'])('end together when it aborts, and Node warns of no leak: %s', async (where) => {
    const program = `
      import {open} from 'kvi';
      const kv = await open(${JSON.stringify(where === 'etcd' ? sharedEtcdUrl() : where)});
      const held = await kv.distLock('many-waits');
      const shutdown = new AbortController();
      const {signal} = shutdown;
      const waits = Array.from({length: 50}, (_, i) => [
        kv.watch('many-waits/' + i, {signal}),
        kv.changes('many-waits/' + i, {signal}).next(),
        kv.distLock('many-waits', {signal}),
        kv.get('many-waits', {signal}),
      ]).flat();
      const ended = Promise.allSettled(waits);
      await Promise.all(Array.from({length: 50}, () => kv.get('many-waits')));
      shutdown.abort();
      const codes = (await ended).map(({reason}) => reason?.code ?? 'read');
      await held.release();
      await kv.close();
      console.log(JSON.stringify([...new Set(codes)].sort()));`;
    const {exitCode, stdout, stderr} = await runNode(['--input-type=module', '--eval', program], {
      cwd: fileURLToPath(new URL('..', import.meta.url)),
    });
    expect([exitCode, stderr]).toEqual([0, '']);
    expect(JSON.parse(stdout)).toEqual(['KVI_ABORTED', 'read']);
  });
});
