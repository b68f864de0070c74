import {it} from 'node:test';
import {open} from 'kvi';

it('leaks', async () => {
  await open('mem:');
});
