import {expect, it} from '@jest/globals';
import * as fc from 'fast-check';
import {modelTarget, play} from 'kvi-contract/fuzz';
import {program} from '../src/fuzz/arbitrary.ts';

const fields = [
  ...['limit', 'revision', 'sortOrder', 'sortTarget', 'keysOnly'],
  ...['minModRevision', 'maxModRevision', 'minCreateRevision', 'maxCreateRevision'],
];

it('Generated programs read what is there, by every field, and most of their reads and writes succeed', async () => {
  const target = modelTarget();
  const steps = [];
  for (const played of fc.sample(program, {seed: 1, numRuns: 300}))
    steps.push(...(await play(played, target)).steps);

  const isRefused = ({answer}: {answer: string}) => answer.startsWith('KVI_');
  const reads = steps.filter(({call}) => /^h\d\.range/.test(call));
  const writes = steps.filter(({call}) => /^h\d\.(put|deleteRange|txn)/.test(call));
  expect(reads.filter(isRefused).length).toBeLessThan(reads.length / 4);
  expect(writes.filter(isRefused).length).toBeLessThan(writes.length / 3);

  const found = reads.filter((step) => !isRefused(step) && !step.answer.includes('[]'));
  expect(found.length).toBeGreaterThan(reads.length / 3);
  for (const field of fields) {
    const finds = found.filter(({call}) => call.includes(` ${field}`)).length;
    expect({field, isOften: finds > found.length / 20}).toEqual({field, isOften: true});
  }
  const events = steps.filter(({call}) => /^w\d$/.test(call));
  expect(events.length).toBeGreaterThan(reads.length / 3);
});
