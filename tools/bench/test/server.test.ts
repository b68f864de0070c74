import {expect, it} from '@jest/globals';
import {describeWithEtcd} from 'kvi-testbed';
import {typescriptArgs} from 'kvi-testbed/programs';
import {fileURLToPath} from 'node:url';
import {createBench} from '../src/bench.ts';
import {calls, firstAnswer, memory, watchFanOut} from '../src/server/measurements.ts';

const program = {
  command: fileURLToPath(new URL('../../../packages/kvi-cli/src/bin.ts', import.meta.url)),
  nodeArgs: typescriptArgs,
};

describeWithEtcd('The bench of the server', () => {
  it('compares it with an etcd, and says what client and server took', async () => {
    // It does next to nothing, but each thing once.
    const bench = createBench({rounds: 1, scale: 0.001});
    await calls(bench, program, [1, 4]);
    await watchFanOut(bench, program, 20, 2);
    await firstAnswer(bench, program);
    await memory(bench, program);
    const perCall = (name: string, unit: string): string[] =>
      ['UNITs/s', "µs of the server's CPU a UNIT", "µs of the client's CPU a UNIT"].map(
        (each) =>
          `${name}, ${each.replace('a UNIT', unit === 'event' ? 'an event' : 'a call').replace('UNIT', unit)}`,
      );
    expect(bench.rows.map(({measurement, unit}) => `${measurement}, ${unit}`)).toEqual([
      ...['put, 1 caller', 'put, 4 callers', 'range, 1 caller', 'range, 4 callers'].flatMap((name) =>
        perCall(`server: ${name}`, 'call'),
      ),
      ...perCall('server: 1 writer, 20 watchers', 'event'),
      'server: start, ms to the first answer',
      'server: 100 keys, MB more',
    ]);
  });
});
