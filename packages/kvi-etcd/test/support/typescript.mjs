/** Lets a child process import the sources, as jest does: `node --import` this file. */
import {transformFile} from '@swc/core';
import {register} from 'node:module';
import {fileURLToPath} from 'node:url';
import {isMainThread} from 'node:worker_threads';

if (isMainThread) register(import.meta.url);

export async function load(url, context, next) {
  if (!url.endsWith('.ts')) return next(url, context);
  const {code} = await transformFile(fileURLToPath(url), {
    jsc: {parser: {syntax: 'typescript'}, target: 'es2022'},
  });
  return {format: 'module', source: code, shortCircuit: true};
}
