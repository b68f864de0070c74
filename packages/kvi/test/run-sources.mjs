/**
 * `node --import` this file, and Node runs the packages' TypeScript sources. For it the packages that
 * `KVI_TEST_MISSING` lists, with commas, are not installed.
 */
import {transform} from '@swc/core';
import {readFile} from 'node:fs/promises';
import {register} from 'node:module';
import {fileURLToPath} from 'node:url';
import {isMainThread} from 'node:worker_threads';

// Node loads the file a second time, for the hooks, in a thread of their own.
if (isMainThread) register(import.meta.url);

const missing = (process.env.KVI_TEST_MISSING ?? '').split(',').filter((name) => name !== '');

export function resolve(specifier, context, nextResolve) {
  const isMissing = missing.some((name) => specifier === name || specifier.startsWith(`${name}/`));
  // Where nothing is installed, Node itself says that it is missing.
  return nextResolve(specifier, isMissing ? {...context, parentURL: 'file:///'} : context);
}

export async function load(url, context, nextLoad) {
  if (!url.endsWith('.ts')) return nextLoad(url, context);
  const {code} = await transform(await readFile(fileURLToPath(url), 'utf8'), {
    jsc: {parser: {syntax: 'typescript'}, target: 'es2022'},
  });
  return {format: 'module', source: code, shortCircuit: true};
}
