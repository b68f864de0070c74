export {
  type EtcdEndpointOptions,
  type EtcdOptions,
  openEtcd,
  openEtcdDriver,
  type OpenEtcdOptions,
} from './open.ts';
