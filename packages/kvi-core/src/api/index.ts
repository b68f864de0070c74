/** The `Kvi` interface and its types: what a service gets injected. */
export type * from './call-options.ts';
export type * from './changes.ts';
export type * from './dist-lock.ts';
export type * from './keys.ts';
export type * from './kvi.ts';
export type * from './lease.ts';
export type * from './retry-policy.ts';
export type * from './temp-key.ts';
export type * from './watch-with-cb.ts';
