/** The `kvi` command, to be run in another program's process. */
export type {Io, Interrupt} from './io.ts';
export {run} from './run.ts';
