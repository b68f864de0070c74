export {type EtcdEndpointOptions, type EtcdOptions, openEtcdDriver} from './open.ts';
