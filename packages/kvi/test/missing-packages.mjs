/**
 * `node --import` this file: for the process the packages that `KVI_TEST_MISSING` lists, with commas, are not installed. One in
 * `PACKAGE from IMPORTER` is missing to that package only.
 */
import {register} from 'node:module';
import {isMainThread} from 'node:worker_threads';

// Node loads the file a second time, for the hook, in a thread of its own.
if (isMainThread) register(import.meta.url);

const missing = (process.env.KVI_TEST_MISSING ?? '')
  .split(',')
  .filter((entry) => entry !== '')
  .map((entry) => entry.split(' from '));

export function resolve(specifier, context, nextResolve) {
  const isMissing = missing.some(
    ([name, importer]) =>
      (specifier === name || specifier.startsWith(`${name}/`)) &&
      (importer === undefined || context.parentURL?.includes(`/${importer}/`)),
  );
  // Where nothing is installed, Node itself says that it is missing.
  return nextResolve(specifier, isMissing ? {...context, parentURL: 'file:///'} : context);
}
