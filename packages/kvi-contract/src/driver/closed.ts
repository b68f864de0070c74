import assert from 'node:assert/strict';
import type {ContractCase, ContractGroup} from '../suite.ts';
import {type PortCall, calls} from './calls.ts';
import {keyspace} from './keyspace.ts';
import {get, rejects, write} from './steps.ts';

function isRefused({name, start}: PortCall): ContractCase {
  return {
    name: `refuses every call with KVI_CLOSED: ${name}`,
    async run({driver, open, ...context}) {
      const key = keyspace(context).key('a');
      const closed = await open();
      await closed.close();
      await rejects(start(closed, key), 'KVI_CLOSED', 'a closed handle takes no calls');
      assert.equal(await get(driver, key), undefined, 'a closed handle writes nothing');
    },
  };
}

/** A handle after `close()`. */
export const closed: ContractGroup = {
  name: 'a closed handle',
  cases: [
    ...calls.map(isRefused),
    {
      name: 'may be closed again, and affects neither the store nor other handles',
      async run(context) {
        const {driver, open} = context;
        const k = keyspace(context);
        const closing = await open();
        await write(closing, k.put('a', '1'));
        await Promise.all([closing.close(), closing.close()]);
        await closing.close();
        const {kvs} = await driver.range(k.all);
        assert.equal(
          k.kvs(kvs),
          'a=1',
          'the store lives on, with what was written through the closed handle',
        );
        const {kvs: again} = await (await open()).range(k.all);
        assert.equal(k.kvs(again), 'a=1', 'another handle can be opened');
      },
    },
  ],
};
