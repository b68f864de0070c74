import type {Driver} from 'kvi-core/driver';
import type {Alarms} from './alarms.ts';
import type {Identity} from './identity.ts';
import type {ServerLimits} from '../options/options.ts';

/** What the services of a server share. */
export interface ServiceContext {
  /** What the server serves. Calls on another driver, which `authorize` chose, do not administer it. */
  readonly driver: Driver;
  readonly identity: Identity;
  readonly limits: ServerLimits;
  readonly alarms: Alarms;
  /** The version of etcd that the server says it is. */
  readonly version: string;
  /** Where the server listens. */
  readonly url: () => string;
}
