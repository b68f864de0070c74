/** In a fresh clone, says what the next minute is for: the commands of `npm` install first, and do so silently. */
import {existsSync} from 'node:fs';
import {join} from 'node:path';

if (!existsSync(join(import.meta.dirname, '../node_modules'))) {
  console.log('First use: installing the development dependencies, which takes about a minute.');
}
