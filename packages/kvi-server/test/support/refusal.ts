import type {GrpcStatus} from 'kvi-wire';

/** How etcd refuses: with a code, and in words that clients compare. The code 3 is `INVALID_ARGUMENT`. */
export function refusal(words: string, code = 3): GrpcStatus {
  return {code, details: `etcdserver: ${words}`};
}
