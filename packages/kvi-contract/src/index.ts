/**
 * The definition of "the same": one case for each promise, and every driver passes all of them.
 * `docs/writing-a-driver.md` shows how to run it on yours.
 */
import {driverContract} from './driver/index.ts';
import {kviContract} from './kvi/index.ts';
import {recipesContract} from './recipes/index.ts';
import {type ContractTarget, registerSuite, type TestRunner} from './suite.ts';

export {namespaceTarget} from './namespace-target.ts';
export type {ContractTarget, TestRunner} from './suite.ts';
export * from './linearizability/index.ts';
export * from './model/index.ts';

/** Registers the cases about the {@link Driver} port. */
export function testDriver(name: string, target: ContractTarget, runner: TestRunner): void {
  registerSuite(`${name}: driver contract`, driverContract, target, runner);
}

/** Registers the cases about the {@link Kvi} facade and the recipes on it, on a driver that passes {@link testDriver}. */
export function testKvi(name: string, target: ContractTarget, runner: TestRunner): void {
  registerSuite(`${name}: kvi contract`, [...kviContract, ...recipesContract], target, runner);
}
