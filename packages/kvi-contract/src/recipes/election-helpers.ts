import assert from 'node:assert/strict';
import type {Leader} from 'kvi-core/recipes';
import {soon} from '../kvi/helpers.ts';

/** The next leader that is observed, by its value. */
export async function nextValue(
  observed: AsyncIterator<Leader | undefined, undefined>,
  promise: string,
): Promise<string | undefined> {
  const {value, done} = await soon(observed.next(), promise);
  assert.notEqual(done, true, 'an observation does not end by itself');
  return value?.value;
}

/** A promise, and what resolves it. */
export function gate(): {opened: Promise<void>; open: () => void} {
  let open: () => void = () => undefined;
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  return {opened, open};
}
