import {type Exchange, type HttpHandler, respond} from '../gateway/exchange.ts';
import {type Answer, type Pages, plainText} from '../store/pages.ts';

/** Answers what is not gRPC: pages, for `GET` and `HEAD`, and calls in JSON. */
export function httpHandler(pages: Pages, gateway: HttpHandler): HttpHandler {
  async function answer({path, method}: Exchange): Promise<Answer> {
    const page = Object.hasOwn(pages, path) ? pages[path] : undefined;
    if (page === undefined) return plainText(404, '404 page not found\n');
    if (method !== 'GET' && method !== 'HEAD') return plainText(405, 'Method Not Allowed\n');
    try {
      return await page();
    } catch (error) {
      return plainText(503, `${String(error)}\n`);
    }
  }

  return async (exchange) => {
    if (/^\/(v3|v3beta|kvi)\//.test(exchange.path)) return gateway(exchange);
    exchange.body.on('error', () => undefined);
    exchange.body.resume();
    respond(exchange, await answer(exchange));
  };
}
