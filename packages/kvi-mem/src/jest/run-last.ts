/**
 * Jest runs the `afterEach` hooks of a block in the order of definition, so a hook of a setup file runs before those at
 * the top of a test file, which close what the tests opened. A leak check must run after them. The event handlers of
 * jest-circus, jest's runner, can reorder the hooks.
 */

/** The part of jest-circus that is used here. */
interface CircusState {
  rootDescribeBlock: {hooks: {type: string; fn: unknown}[]};
  currentlyRunningTest?: {errors: unknown[]} | null;
}
type CircusHandler = (event: {name: string}, state: CircusState) => void;

/** Where jest-circus keeps its handlers. */
const handlersKey = Symbol.for('EVENT_HANDLERS');

/** What a hook defined for {@link runLast} can query. */
export interface LastHook {
  /** Whether the last test failed. */
  testFailed(): boolean;
}

/**
 * Moves a hook from the top of a setup file behind all others of the test file.
 *
 * @param fn the function passed to `afterEach`
 * @throws Error if jest is too old, or does not run tests with jest-circus
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
