import type {Alarms} from './alarms.ts';
import type {Identity} from './identity.ts';
import type {ServerLimits} from '../options/options.ts';

/** What the services of a server share. */
export interface ServiceContext {
  readonly identity: Identity;
  readonly limits: ServerLimits;
  readonly alarms: Alarms;
  /** The version of etcd that the server says it is. */
  readonly version: string;
  /** Where the server listens. */
  readonly url: () => string;
}
