/** The front door: `open`, and what comes out of it. */
export * from 'kvi-core';
export type {Driver} from 'kvi-core/driver';
export type {EtcdOptions} from 'kvi-etcd';
export type {OpenMemDriverOptions} from 'kvi-mem';
export {open, openDriver} from './open.ts';
export type {OpenDriver, OpenOptions} from './options.ts';
