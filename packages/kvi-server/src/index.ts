export type {
  Authorize,
  CallInfo,
  ServeOptions,
  ServerLimitOptions,
  ServerLimits,
  ServerTls,
} from './options/options.ts';
export {serve, type ServerHandle} from './serve.ts';
export {createTwin, type Twin} from './twin/twin.ts';
export type {AdvancingClock} from './twin/advancing-clock.ts';
export {type TenantOptions, tenants} from './tenants/tenants.ts';
