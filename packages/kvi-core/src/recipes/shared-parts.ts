import type {Handle} from '../kvi/handle.ts';

/**
 * What equal recipes on one handle have in common, found by name: `counter(kv, 'hits')` may be written wherever it is used.
 * It is there as long as somebody uses it.
 */
export function sharedParts<P extends object>() {
  const ofHandles = new WeakMap<Handle, Map<string, WeakRef<P>>>();
  // Stryker disable all: this only frees memory
  const forget = new FinalizationRegistry<{parts: Map<string, WeakRef<P>>; name: string}>(({parts, name}) => {
    // Another may have taken its place.
    if (parts.get(name)?.deref() === undefined) parts.delete(name);
  });
  // Stryker restore all

  return (handle: Handle, name: string, make: () => P): P => {
    const parts = ofHandles.get(handle) ?? new Map<string, WeakRef<P>>();
    ofHandles.set(handle, parts);
    const present = parts.get(name)?.deref();
    if (present !== undefined) return present;
    const part = make();
    parts.set(name, new WeakRef(part));
    // Stryker disable next-line ObjectLiteral: this only frees memory
    forget.register(part, {parts, name});
    return part;
  };
}
