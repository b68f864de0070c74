export type {Certificates, CertificateSource} from './cluster/certificates.ts';
export {openEtcd, openEtcdDriver, type OpenEtcdOptions} from './open.ts';
export type {EtcdEndpointOptions, EtcdOptions} from './options.ts';
export type {EtcdDiagnostics} from './telemetry/diagnostics.ts';
