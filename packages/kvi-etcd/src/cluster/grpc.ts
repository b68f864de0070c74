/**
 * What kvi uses of gRPC. When the package is packed, `tools/bundle-grpc.js` puts the code itself in this file's place, so
 * that kvi-etcd depends on no other package than kvi's own; see docs/adr/0019.
 */
export {
  type CallCredentials,
  Channel,
  ChannelCredentials,
  type ChannelOptions,
  Client,
  type ClientDuplexStream,
  type ClientUnaryCall,
  connectivityState,
  credentials,
  experimental,
  Metadata,
  type ServiceError,
} from '@grpc/grpc-js';
