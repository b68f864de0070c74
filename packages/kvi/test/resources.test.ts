import {expect, it} from '@jest/globals';
import {open} from 'kvi';
import {MemStore, traceResources} from 'kvi-mem';

it('a handle that is open on mem: is known by the line that called open, also where nobody awaits it yet', async () => {
  traceResources();
  const store = new MemStore();
  const openOne = () => open('mem:', {mem: {store}}); // line 8
  const [first, second] = [openOne(), openOne()]; // line 9
  const handles = await Promise.all([first, second]);
  const opened = store.openResources().map(({type, openedBy, stack}) => ({
    type,
    openedBy,
    lines: Array.from(stack.matchAll(/resources\.test\.ts:(\d+)/g), ([, line]) => Number(line)),
  }));
  expect(opened).toEqual([
    {type: 'handle', openedBy: 'open', lines: [8, 9]},
    {type: 'handle', openedBy: 'open', lines: [8, 9]},
  ]);
  await Promise.all(handles.map((kv) => kv.close()));
  expect(store.openResources()).toEqual([]);
});
