/** The tests that docs/guarantees.md names are there. */
import {existsSync, readdirSync, readFileSync, statSync} from 'node:fs';
import {join} from 'node:path';
import {expect, it} from '@jest/globals';
import {root} from '../src/examples.ts';

const page = readFileSync(join(root, 'docs/guarantees.md'), 'utf8');
const rows = page.split('\n').filter((line) => line.startsWith('| '));
const named = rows.flatMap((row) =>
  row.split(';').flatMap((part) => {
    const file = /`(kvi[^`]*)`/.exec(part)?.[1];
    const names = Array.from(part.matchAll(/"([^"]+)"/g), ([, name = '']) => name);
    return file === undefined ? [] : [[file, names] as const];
  }),
);

it.each(named)('%s has the tests that docs/guarantees.md names', (file, names) => {
  const path = join(root, 'packages', file);
  expect(existsSync(path)).toBe(true);
  const files = statSync(path).isDirectory() ? readdirSync(path).map((name) => join(path, name)) : [path];
  const text = files.map((name) => readFileSync(name, 'utf8')).join('\n');
  expect(names.filter((name) => !text.includes(name))).toEqual([]);
});
