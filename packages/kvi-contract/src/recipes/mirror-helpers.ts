import assert from 'node:assert/strict';
import type {Kvi} from 'kvi-core';
import {mirrorKeys, type MirrorKeysOptions, type MirrorStep} from 'kvi-core/recipes';
import {soon} from '../kvi/helpers.ts';
import type {CaseContext} from '../suite.ts';

/** A mirror of a case's keys below `source/` into `target/`. */
export function mirrorOf(
  {source, target}: {source: Kvi; target: Kvi},
  {key}: Pick<CaseContext, 'key'>,
  options?: Partial<MirrorKeysOptions>,
): AsyncGenerator<MirrorStep, undefined> {
  return mirrorKeys(
    source,
    target,
    {prefix: key('source/')},
    {into: key('target/'), checkpoint: key('checkpoint'), ...options},
  );
}

export async function nextStep(
  mirror: AsyncGenerator<MirrorStep, undefined>,
  promise: string,
): Promise<MirrorStep> {
  const {value, done} = await soon(mirror.next(), promise);
  if (done === true || value === undefined) assert.fail(`${promise}: the mirror ended`);
  return value;
}

/** Makes steps until the mirror has got as far as a revision. @returns them */
export async function stepsUntil(
  mirror: AsyncGenerator<MirrorStep, undefined>,
  revision: number,
): Promise<MirrorStep[]> {
  const steps: MirrorStep[] = [];
  do steps.push(await nextStep(mirror, `the mirror gets to revision ${String(revision)}`));
  while ((steps.at(-1)?.revision ?? 0) < revision);
  return steps;
}

/** What is below a folder of the case, `a=1`. */
export async function folder(
  kv: Kvi,
  {key}: Pick<CaseContext, 'key'>,
  name: 'source/' | 'target/',
): Promise<string[]> {
  const kvs = await kv.getRange({prefix: key(name)});
  return kvs.map(({key: found, value}) => `${found.slice(key(name).length)}=${value}`);
}

/** Asserts that the target is what the source is. */
export async function assertMirrored(
  kv: Kvi,
  context: Pick<CaseContext, 'key'>,
  promise: string,
): Promise<void> {
  assert.deepEqual(await folder(kv, context, 'target/'), await folder(kv, context, 'source/'), promise);
}
