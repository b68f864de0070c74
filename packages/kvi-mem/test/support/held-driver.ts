import {
  aborted,
  type Bytes,
  type Driver,
  keyId,
  onAbort,
  type RangeRequest,
  type RequestOp,
  type TxnOptions,
  type TxnRequest,
} from 'kvi-core/driver';

/** A request that a {@link HeldDriver} has received. */
export interface Sent {
  /** `range a`, or of a transaction its operations: `put a, txn b`. */
  name: string;
  request: TxnRequest<Bytes>;
  options: TxnOptions;
}

/** A driver that answers when it is told to. */
export interface HeldDriver {
  driver: Driver;
  sent: Sent[];
  names: () => string[];
  /** Answers what is waiting; the next is held too. */
  answer: () => Promise<void>;
  /** Fails what is waiting, without applying it. */
  fail: (error: Error) => Promise<void>;
  /** Answers all that comes from now on. */
  open: () => Promise<void>;
}

/** @param own - applies a request once it is answered */
export function heldDriver(own: Driver): HeldDriver {
  const sent: Sent[] = [];
  let held: ((error?: Error) => void)[] = [];
  let isOpen = false;

  async function hold(entry: Sent): Promise<void> {
    sent.push(entry);
    if (isOpen) return;
    await new Promise<void>((resolve, reject) => {
      const ignore = onAbort(entry.options.signal, () => reject(aborted(entry.options.signal)));
      held.push((error) => {
        ignore();
        if (error === undefined) resolve();
        else reject(error);
      });
    });
  }

  async function letGo(error?: Error): Promise<void> {
    const waiting = held;
    held = [];
    for (const go of waiting) go(error);
    await settled();
  }

  return {
    sent,
    names: () => sent.map(({name}) => name),
    driver: {
      ...own,
      async range(request: RangeRequest<Bytes>, options = {}) {
        await hold({name: nameOf({type: 'range', ...request}), request: {}, options});
        return own.range(request, {...options, timeoutMs: undefined});
      },
      async txn(request, options = {}) {
        await hold({name: (request.success ?? []).map(nameOf).join(', '), request, options});
        return own.txn(request, {...options, timeoutMs: undefined});
      },
    },
    answer: () => letGo(),
    fail: letGo,
    async open() {
      isOpen = true;
      await letGo();
    },
  };
}

function nameOf(op: RequestOp<Bytes>): string {
  if (op.type !== 'txn') return `${op.type} ${keyId(op.key)}`;
  return `txn ${[...(op.compare ?? []), ...(op.success ?? [])].map((item) => keyId('key' in item ? item.key : Buffer.from('txn'))).join('+')}`;
}

/** Until the promises that are settled have been told, and what they cause too. */
export async function settled(): Promise<void> {
  for (let turn = 0; turn < 5; turn += 1) await new Promise((resolve) => setImmediate(resolve));
}
