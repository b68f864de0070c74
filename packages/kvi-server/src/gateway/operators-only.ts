import type {Driver} from 'kvi-core/driver';
import {etcdErrors} from 'kvi-wire';
import type {CallRules} from '../grpc/call.ts';
import {statusOfDenial} from '../grpc/refusal.ts';
import {type HttpHandler, respond} from './exchange.ts';
import {failureAnswer} from './failure.ts';

/**
 * Keeps pages for the operators: clients to whom `authorize` gives the driver that is served. What a page tells is of the whole store, also of
 * what other tenants have there.
 *
 * @param paths - of the pages
 */
export function operatorsOnly(
  paths: ReadonlySet<string>,
  served: Driver,
  {authorize}: Pick<CallRules, 'authorize'>,
  handler: HttpHandler,
): HttpHandler {
  return async (exchange) => {
    const {path, headers, peer} = exchange;
    if (!paths.has(path)) return handler(exchange);
    const refusal = await Promise.resolve()
      .then(() => authorize({...headers, ':path': path}, peer))
      .then((driver) => (driver === served ? undefined : etcdErrors.permissionDenied), statusOfDenial);
    if (refusal === undefined) return handler(exchange);
    exchange.body.on('error', () => undefined);
    exchange.body.resume();
    respond(exchange, failureAnswer(refusal));
  };
}
