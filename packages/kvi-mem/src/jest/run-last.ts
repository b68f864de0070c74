/**
 * jest runs the `afterEach` hooks of a block in the order in which they were defined, so one of a setup file comes before
 * those at the top of a test file, which close what the tests opened. What looks for leaks must come after them, and
 * jest-circus, jest's runner, lets its event handlers see the hooks.
 */

/** As much of jest-circus as is used here. */
interface CircusState {
  rootDescribeBlock: {hooks: {type: string; fn: unknown}[]};
  currentlyRunningTest?: {errors: unknown[]} | null;
}
type CircusHandler = (event: {name: string}, state: CircusState) => void;

/** Where jest-circus keeps its handlers. */
const handlersKey = Symbol.for('EVENT_HANDLERS');

/** What a hook that was defined for {@link runLast} can ask. */
export interface LastHook {
  /** Whether the test that has just run failed. */
  testFailed(): boolean;
}

/**
 * Moves a hook that was defined at the top of a setup file behind all others of the test file.
 *
 * @param fn what `afterEach` was called with
 * @throws Error where jest is too old, or runs tests with something else than jest-circus
 */
export function runLast(fn: unknown): LastHook {
  const handlers: unknown = Reflect.get(globalThis, handlersKey);
  if (!Array.isArray(handlers))
    throw new Error('kvi-mem/jest needs jest 30, and its own runner, jest-circus');
  let state: CircusState | undefined;
  const handler: CircusHandler = ({name}, circus) => {
    state = circus;
    if (name !== 'run_start') return;
    const {hooks} = circus.rootDescribeBlock;
    hooks.sort((a, b) => Number(a.fn === fn) - Number(b.fn === fn));
  };
  handlers.push(handler);
  return {testFailed: () => (state?.currentlyRunningTest?.errors.length ?? 0) > 0};
}
