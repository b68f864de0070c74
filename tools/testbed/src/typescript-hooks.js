/** Lets Node run the workspace's TypeScript sources, compiled as jest compiles them: `node --import` this file. */
import {transformFile} from '@swc/core';
import {register} from 'node:module';
import {fileURLToPath} from 'node:url';
import {isMainThread} from 'node:worker_threads';

// Node loads this file once more, as the hooks, in a thread of their own.
if (isMainThread) register(import.meta.url);

export async function load(url, context, next) {
  if (!url.endsWith('.ts')) return next(url, context);
  const {code} = await transformFile(fileURLToPath(url), {
    jsc: {parser: {syntax: 'typescript'}, target: 'es2022'},
    sourceMaps: 'inline',
  });
  return {format: 'module', source: code, shortCircuit: true};
}
