/**
 * The definition of "the same": what every driver does, each promise a case, run on every driver without a condition.
 * `docs/writing-a-driver.md` shows how to run it on yours.
 */
import {driverContract} from './driver/index.ts';
import {kviContract} from './kvi/index.ts';
import {type ContractTarget, registerSuite, type TestRunner} from './suite.ts';

export type {ContractTarget, TestRunner} from './suite.ts';
export * from './linearizability/index.ts';
export * from './model/index.ts';

/** Registers the cases that speak of the {@link Driver} port. */
export function testDriver(name: string, target: ContractTarget, runner: TestRunner): void {
  registerSuite(`${name}: driver contract`, driverContract, target, runner);
}

/** Registers the cases that speak of the {@link Kvi} facade, on a driver that passes {@link testDriver}. */
export function testKvi(name: string, target: ContractTarget, runner: TestRunner): void {
  registerSuite(`${name}: kvi contract`, kviContract, target, runner);
}
