/** Mirrors `app/` of one store into `copy/` of another until it is killed, and says each step: `mirror.ts SOURCE TARGET`. */
import {open} from 'kvi';
import {mirrorKeys} from 'kvi/recipes';
import {say} from './obey.ts';

const [source = '', target = ''] = process.argv.slice(2);
const steps = mirrorKeys(
  await open(source),
  await open(target),
  {prefix: 'app/'},
  {into: 'copy/', checkpoint: 'mirror'},
);
for await (const step of steps) say(step);
