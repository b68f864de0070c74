import {grpcCode, healthCheck, healthWatch} from 'kvi-wire';
import {Refusal} from '../grpc/refusal.ts';
import {type Route, streaming, unary} from '../grpc/route.ts';

/** A server that answers serves. @param services - the names that may be asked for; the empty one is the server's */
export function healthService(services: ReadonlySet<string>): Route[] {
  return [
    unary(healthCheck, ({service}) => {
      if (!services.has(service)) throw new Refusal({code: grpcCode.notFound, details: 'unknown service'});
      return {status: 'serving' as const};
    }),
    streaming(healthWatch, (replies) => ({
      onRequest({service}) {
        replies.send({status: services.has(service) ? 'serving' : 'service unknown'});
      },
      // The client has said all, and hears of changes, of which there is none.
      onEnd: () => undefined,
      onClose: () => undefined,
    })),
  ];
}
