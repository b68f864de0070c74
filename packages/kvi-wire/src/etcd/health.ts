/**
 * Whether a server serves.
 *
 * @see https://github.com/grpc/grpc/blob/master/doc/health-checking.md
 */
import {choice, message, text} from '../protobuf/protobuf.ts';
import {method} from './method.ts';

const request = message({service: text(1)}, 'grpc.health.v1.HealthCheckRequest');
const response = message(
  {
    status: choice(1, ['unknown', 'serving', 'not serving', 'service unknown'], {
      protocolNames: ['UNKNOWN', 'SERVING', 'NOT_SERVING', 'SERVICE_UNKNOWN'],
    }),
  },
  'grpc.health.v1.HealthCheckResponse',
);

export const healthCheck = method('/grpc.health.v1.Health/Check', request, response);
/** The present status, and each later one. */
export const healthWatch = method('/grpc.health.v1.Health/Watch', request, response);
