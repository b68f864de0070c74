/**
 * Makes calls 0 to `calls - 1`, at most `callers` of them at a time.
 *
 * @param call resolves with whether the answer was right
 * @throws Error for the first one that was not
 */
export async function inFlight(
  callers: number,
  calls: number,
  call: (n: number) => Promise<boolean>,
): Promise<void> {
  let next = 0;
  const caller = async (): Promise<void> => {
    while (next < calls) {
      const n = next++;
      if (!(await call(n))) throw new Error(`call ${n} got a wrong answer`);
    }
  };
  await Promise.all(Array.from({length: callers}, caller));
}
