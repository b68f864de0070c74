import type {WatchMessage} from 'kvi-wire';
import type {OpenStream} from './client.ts';

type Messages = Pick<OpenStream<never, WatchMessage>, 'next'>;

/** What a stream tells, up to a number of events. */
export async function untilEvents(stream: Messages, count: number): Promise<WatchMessage[]> {
  const messages: WatchMessage[] = [];
  for (let told = 0; told < count;) {
    const message = await stream.next();
    if (message.canceled) throw new Error(`the watch was canceled: ${message.cancelReason}`);
    messages.push(message);
    told += message.events.length;
  }
  return messages;
}

/** `REVISION put KEY=VALUE` or `REVISION delete KEY`, each. */
export function eventsIn(messages: readonly WatchMessage[]): string[] {
  return messages.flatMap(({events}) =>
    events.map(({type, kv}) => {
      const changed = `${kv?.modRevision} ${type} ${String(kv?.key)}`;
      return type === 'put' ? `${changed}=${String(kv?.value)}` : changed;
    }),
  );
}
