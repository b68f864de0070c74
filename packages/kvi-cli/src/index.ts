/** The `kvi` command, for a program that wants to run it in its own process. */
export type {Io, Interrupt} from './io.ts';
export {run} from './run.ts';
