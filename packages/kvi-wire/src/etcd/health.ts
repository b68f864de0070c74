/**
 * Whether a server serves.
 *
 * @see https://github.com/grpc/grpc/blob/master/doc/health-checking.md
 */
import {choice, message, text} from '../protobuf/protobuf.ts';
import {method} from './method.ts';

const request = message({service: text(1)});
const response = message({status: choice(1, ['unknown', 'serving', 'not serving', 'service unknown'])});

export const healthCheck = method('/grpc.health.v1.Health/Check', request, response);
/** The present status, and each later one. */
export const healthWatch = method('/grpc.health.v1.Health/Watch', request, response);
