/** Runs the story on the store that a URL names. */
import {isKviError, open} from 'kvi';
import {parseArgs} from 'node:util';
import {tellStory} from './story.ts';

const usage =
  'usage: npm start -- [--url URL]   URL: mem: (unless KVI_URL says otherwise), http://127.0.0.1:2379, ...';

async function main(): Promise<void> {
  const {values} = parseArgs({options: {url: {type: 'string'}, help: {type: 'boolean'}}});
  if (values.help === true) {
    console.log(usage);
    return;
  }
  const url = values.url ?? process.env['KVI_URL'] ?? 'mem:';
  // Two handles, as two processes would have. Leaving the block closes them.
  await using north = await open(url);
  await using south = await open(url);
  await tellStory(north, south, (line) => console.log(line));
}

function isWrongUse(error: unknown): boolean {
  if (isKviError(error, 'KVI_INVALID_ARGUMENT')) return true;
  return error instanceof Error && 'code' in error && String(error.code).startsWith('ERR_PARSE_ARGS');
}

try {
  await main();
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  if (isWrongUse(error)) console.error(usage);
  process.exitCode = isWrongUse(error) ? 2 : 1;
}
