export type {Certificates, CertificateSource} from './credentials.ts';
export type {EtcdDiagnostics} from './diagnostics.ts';
export {
  type EtcdEndpointOptions,
  type EtcdOptions,
  openEtcd,
  openEtcdDriver,
  type OpenEtcdOptions,
} from './open.ts';
