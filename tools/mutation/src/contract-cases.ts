import {type ContractTarget, testDriver, testKvi} from 'kvi-contract';

/** A case of the contract on one target. */
export interface ContractCase {
  /** `tas › with null it creates a key, and leaves one that exists` */
  name: string;
  run: () => Promise<void>;
}

/** Every case of the driver contract and of the kvi contract on this target. */
export function contractCases(target: ContractTarget): ContractCase[] {
  const cases: ContractCase[] = [];
  const path: string[] = [];
  const runner = {
    describe(name: string, body: () => void) {
      path.push(name);
      body();
      path.pop();
    },
    it(name: string, run: () => Promise<void>) {
      const [suite = '', group = ''] = path;
      cases.push({name: `${suite.split(':')[0] ?? ''}: ${group} › ${name}`, run});
    },
  };
  testDriver('driver', target, runner);
  testKvi('kvi', target, runner);
  return cases;
}

/**
 * Runs a case.
 *
 * @param limitMs how many milliseconds it may take
 * @returns why it failed; undefined if it passed
 */
export async function failureOf({run}: ContractCase, limitMs: number): Promise<string | undefined> {
  let timeout: NodeJS.Timeout | undefined;
  const late = new Promise<string>((resolve) => {
    timeout = setTimeout(resolve, limitMs, `timed out after ${limitMs} ms`);
  });
  try {
    return await Promise.race([run().then(() => undefined), late]);
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  } finally {
    clearTimeout(timeout);
  }
}
