/** Stands in for `@jest/globals`: `describe` and `it` collect the tests in {@link tests}. */
import {bind} from 'jest-each';

export {expect} from 'expect';

type Body = () => unknown;

/** A collected test. */
export interface Test {
  name: string;
  /** Runs the test, between the hooks of its groups. */
  run: () => Promise<void>;
}

interface Group {
  name: string;
  before: Body[];
  after: Body[];
}

/** All tests, in the order of their files. */
export const tests: Test[] = [];

/** The groups around the next test, the outermost first. */
const path: Group[] = [];
const names = new Map<string, number>();

function addGroup(name: string, body: () => void): void {
  path.push({name, before: [], after: []});
  body();
  path.pop();
}

function addTest(name: string, body: Body): void {
  const groups = [...path];
  const fullName = [...groups.map((group) => group.name), name].join(' › ');
  const count = (names.get(fullName) ?? 0) + 1;
  names.set(fullName, count);
  async function run() {
    for (const {before} of groups) for (const hook of before) await hook();
    try {
      await body();
    } finally {
      for (const {after} of groups.toReversed()) for (const hook of after) await hook();
    }
  }
  tests.push({name: count === 1 ? fullName : `${fullName} (${count})`, run});
}

export const describe = Object.assign(addGroup, {each: bind(addGroup as never)});
export const it = Object.assign(addTest, {each: bind(addTest as never)});

/** Adds a hook to the group around it. Outside a group there is no file to add it to, and it is ignored. */
export function beforeEach(hook: Body): void {
  path.at(-1)?.before.push(hook);
}

/** See {@link beforeEach}. */
export function afterEach(hook: Body): void {
  path.at(-1)?.after.push(hook);
}
