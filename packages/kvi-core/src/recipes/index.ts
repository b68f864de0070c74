/**
 * What services build on a {@link Kvi}: each recipe is a function over a handle, in a file of its own, and one line here.
 * CONTRIBUTING.md tells how to add one.
 */
export {
  discover,
  type DiscoverOptions,
  type Discovery,
  type Instance,
  register,
  type RegisterOptions,
  type Registration,
} from './discovery.ts';
