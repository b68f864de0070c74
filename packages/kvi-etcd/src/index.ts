export type {Certificates, CertificateSource} from './cluster/credentials.ts';
export type {EtcdDiagnostics} from './telemetry/diagnostics.ts';
export {
  type EtcdEndpointOptions,
  type EtcdOptions,
  openEtcd,
  openEtcdDriver,
  type OpenEtcdOptions,
} from './open.ts';
