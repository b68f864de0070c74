/** etcd's JSON gateway: the harness's own view, which shares no code with the clients under test. */
import {setTimeout as sleep} from 'node:timers/promises';

/** Calls one member. Fails if it does not answer within a second. */
export async function call<T>(endpoint: string, path: string, body: object = {}): Promise<T> {
  const response = await fetch(`http://${endpoint}/v3/${path}`, {
    method: 'POST',
    body: JSON.stringify(body),
    signal: AbortSignal.timeout(1_000),
  });
  if (!response.ok) throw new Error(`${path} answered ${response.status}: ${await response.text()}`);
  return (await response.json()) as T;
}

/** Calls one member after the other until one answers. Use it only for calls that may be sent twice. */
export async function callAny<T>(endpoints: readonly string[], path: string, body: object = {}): Promise<T> {
  let last: unknown;
  for (let round = 0; round < 20; round += 1) {
    for (const endpoint of endpoints) {
      try {
        return await call<T>(endpoint, path, body);
      } catch (error) {
        last = error;
      }
    }
    await sleep(250);
  }
  throw new Error(`no member answered ${path}`, {cause: last});
}

/** Encodes text for the gateway, which has bytes as base64. */
export function encode(text: string): string {
  return Buffer.from(text).toString('base64');
}

export function decode(base64 = ''): string {
  return Buffer.from(base64, 'base64').toString();
}

/** The range of all keys. */
export const allKeys = {key: encode('\0'), range_end: encode('\0')};
