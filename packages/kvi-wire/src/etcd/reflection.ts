/**
 * What services a server has, and what they are made of.
 *
 * @see https://github.com/grpc/grpc/blob/master/src/proto/grpc/reflection/v1/reflection.proto
 */
import {bytes, int64, message, nested, repeated, text} from '../protobuf/protobuf.ts';
import {method} from './method.ts';

/** A question is what is not empty; without any, it is for the services. */
const request = message({
  host: text(1),
  fileByFilename: text(3),
  fileContainingSymbol: text(4),
  listServices: text(7),
});

const response = message({
  validHost: text(1),
  originalRequest: nested(2, request),
  files: nested(4, message({fileDescriptorProto: repeated(bytes(1))})),
  services: nested(6, message({service: repeated(nested(1, message({name: text(1)})))})),
  error: nested(7, message({errorCode: int64(1), errorMessage: text(2)})),
});

/** The same under its former name, by which most clients know it. */
export const reflections = ['v1', 'v1alpha'].map((version) =>
  method(`/grpc.reflection.${version}.ServerReflection/ServerReflectionInfo`, request, response),
);
