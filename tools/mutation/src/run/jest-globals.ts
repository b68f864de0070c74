/** What the tests use of `@jest/globals`, without jest around it: `describe` and `it` write down what there is to run. */
import {bind} from 'jest-each';

export {expect} from 'expect';

/** A test that was written down. */
export interface Test {
  name: string;
  run: () => unknown;
}

/** All tests, in the order of their files. */
export const tests: Test[] = [];

const path: string[] = [];
const names = new Map<string, number>();

function addGroup(name: string, body: () => void): void {
  path.push(name);
  body();
  path.pop();
}

function addTest(name: string, run: () => unknown): void {
  const fullName = [...path, name].join(' › ');
  const count = (names.get(fullName) ?? 0) + 1;
  names.set(fullName, count);
  tests.push({name: count === 1 ? fullName : `${fullName} (${count})`, run});
}

export const describe = Object.assign(addGroup, {each: bind(addGroup as never)});
export const it = Object.assign(addTest, {each: bind(addTest as never)});
