/** Describes an operation in one line of near-code, as failures print it. */
import type {Operation} from '../history.ts';

/** An operation, and the client that made it. */
export interface ClientOperation extends Operation {
  client: number;
}

/** `12.345s +3.2ms client 1: cas("register/a", "0.7" -> "1.9") -> unknown (KVI_UNKNOWN_OUTCOME: ...)` */
export function describeOperation({client, ...operation}: ClientOperation): string {
  const {kind, key, test, value, start, end, outcome, error} = operation;
  const at = `${(start / 1_000).toFixed(3)}s +${(end - start).toFixed(1)}ms client ${client}:`;
  const suffix = error === undefined ? '' : ` (${error.slice(0, 120)})`;
  if (kind === 'get') {
    const result = outcome === 'ok' ? JSON.stringify(value ?? null) : outcome;
    return `${at} get(${JSON.stringify(key)}) -> ${result}${suffix}`;
  }
  const args = kind === 'put' ? JSON.stringify(value) : `${JSON.stringify(test)} -> ${JSON.stringify(value)}`;
  return `${at} ${kind}(${JSON.stringify(key)}, ${args}) -> ${outcome}${suffix}`;
}
