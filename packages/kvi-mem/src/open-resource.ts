import {sep} from 'node:path';
import type {CallTrace} from './call-traces.ts';

/** Something that is open on a store. */
export interface OpenResource {
  /** The lease and watches of a lock or a temporary key are not listed separately. */
  readonly type: 'handle' | 'watch' | 'lease' | 'lock' | 'temporaryKey';
  /** The name of a lock, the key of a temporary key, the keys of a watch, the id of a lease; `''` for a handle. */
  readonly name: string;
  /** The call that opened it, such as `kv.distLock`; without `traceResources()`, the call on the port that it led to. */
  readonly openedBy: string;
  /** Whether that call has not returned: it waits for a lock that another holds, or for a change. */
  readonly isPending: boolean;
  /**
   * Where it was opened: one frame per line, starting with the caller of kvi, without frames of Node and test runners.
   * Empty without `traceResources()`.
   */
  readonly stack: string;
  /** Numbers count up in a process: a resource opened later has a higher one. */
  readonly number: number;
}

/** The resource that a call opened. */
export function openResource(call: CallTrace, type: OpenResource['type'], name: string): OpenResource {
  const {number, method: openedBy, isPending} = call;
  return {type, name, openedBy, isPending, stack: callerFrames(call.error?.stack ?? ''), number};
}

/**
 * Describes what is open and where it was opened, for people:
 *
 * ```text
 * 2 resources are still open:
 *
 *   a handle, opened by open
 *     Shop.start (src/shop.ts:14:21)
 *     test/shop.test.ts:20:14
 *
 *   the lock "nightly", waited for by kv.distLock
 *     test/shop.test.ts:22:20
 * ```
 */
export function describeResources(resources: readonly OpenResource[]): string {
  if (resources.length === 0) return 'Nothing is open.';
  const count = resources.length === 1 ? '1 resource is' : `${resources.length} resources are`;
  return [`${count} still open:`, ...resources.map(describeResource)].join('\n\n');
}

function describeResource({type, name, openedBy, isPending, stack}: OpenResource): string {
  const quoted = JSON.stringify(name);
  const what = {
    handle: 'a handle',
    watch: `a watch of ${quoted}`,
    lease: `the lease ${name}`,
    lock: `the lock ${quoted}`,
    temporaryKey: `the temporary key ${quoted}`,
  }[type];
  const how = isPending && type === 'lock' ? 'waited for' : 'opened';
  return [`  ${what}, ${how} by ${openedBy}`, ...places(stack).map((place) => `    ${place}`)].join('\n');
}

/** The first frames, shortened. Jest would remove lines that start with `at` from the message. */
function places(stack: string): string[] {
  const here = `${process.cwd()}${sep}`;
  const frames = stack.split('\n').slice(0, 5);
  return frames.map((frame) =>
    frame
      .replace(/^at (async )?/, '')
      .replace('file://', '')
      .replace(here, ''),
  );
}

/** kvi's own code, both as installed and in its repository. */
const ownFrame = /[\\/]kvi(-core|-mem)?[\\/](src|dist)[\\/]/;
/** Frames that do not interest the reader of a stack. */
const foreignFrame = /\bnode:|[\\/]node_modules[\\/](@jest|jest(-[a-z]+)*|expect|@?vitest)[\\/]/;

function callerFrames(stack: string): string {
  // `at new Promise (<anonymous>)` has no position.
  const frames = stack.split('\n').filter((line) => /^\s*at .*:\d+:\d+\)?$/.test(line));
  const callers = frames.filter((frame) => !ownFrame.test(frame) && !foreignFrame.test(frame));
  // A stack with only kvi's frames is better than none.
  return (callers.length > 0 ? callers : frames).map((frame) => frame.trim()).join('\n');
}
