/** What etcd's clients and servers send each other. */
export {control} from './control.ts';
export {etcdErrors, kviCodeOf, statusOfKviError} from './etcd/errors.ts';
export * from './etcd/index.ts';
export {MessageReader, prefixed, UnreadableMessage} from './grpc/messages.ts';
export {grpcCode, type GrpcStatus, isGrpc, statusHeaders, statusIn} from './grpc/status.ts';
export {type DescribedCall, type DescribedPackage, describePackages} from './protobuf/descriptor.ts';
export {decodeJson, encodeJson, JsonMismatch, type JsonOptions} from './protobuf/json.ts';
export {UnexpectedEnumValue} from './protobuf/protobuf.ts';
export * from './requests.ts';
export * from './responses.ts';
