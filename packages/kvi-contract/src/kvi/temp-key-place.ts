import assert from 'node:assert/strict';
import {setImmediate as nextTurn} from 'node:timers/promises';
import {createKvi} from 'kvi-core';
import {KviError} from 'kvi-core/driver';
import type {ContractGroup} from '../suite.ts';
import {keysOf} from './helpers.ts';

/** Temporary keys whose lease ends, or whose handle closes, at an inconvenient moment. */
export const tempKeyPlace: ContractGroup = {
  name: 'putting a temporary key and taking it away',
  cases: [
    {
      name: 'a key whose lease ends before it is put is put under another',
      async run({kv, open, key}) {
        const own = await open();
        let isEnded = false;
        await using client = createKvi({
          ...own,
          async txn(request, options) {
            const [put] = request.success ?? [];
            if (!isEnded && put?.type === 'put' && put.lease !== undefined) {
              isEnded = true;
              await own.leaseRevoke(put.lease);
            }
            return own.txn(request, options);
          },
        });
        await using _temp = await client.tempKey(key('k'), {value: 'v'});
        assert.equal(await kv.get(key('k')), 'v', 'the key is there when tempKey has resolved');
      },
    },
    {
      name: 'a lease is granted again if its grant got no answer and it has ended when it is found',
      async run({kv, open, key}) {
        const own = await open();
        let isAnswerLost = false;
        let isEnded = false;
        await using client = createKvi({
          ...own,
          async leaseGrant(...args) {
            const lease = await own.leaseGrant(...args);
            if (isAnswerLost) return lease;
            isAnswerLost = true;
            throw new KviError('KVI_UNKNOWN_OUTCOME', 'made to fail');
          },
          async leaseKeepAlive(id, options) {
            if (!isEnded) {
              isEnded = true;
              await own.leaseRevoke(id);
            }
            return own.leaseKeepAlive(id, options);
          },
        });
        await using _temp = await client.tempKey(key('k'), {value: 'v'});
        assert.equal(await kv.get(key('k')), 'v', 'the key is there when tempKey has resolved');
      },
    },
    {
      name: 'close waits for the keys that are being given up',
      async run({kv, open, key, prefix}) {
        const own = await open();
        const client = createKvi({
          ...own,
          async leaseRevoke(...args) {
            await nextTurn();
            return own.leaseRevoke(...args);
          },
        });
        const temp = await client.tempKey(key('k'));
        const closing = temp.close();
        await client.close();
        await closing;
        assert.deepEqual(await keysOf(kv, {prefix}), [], 'the key is gone at once, not within its TTL');
      },
    },
  ],
};
