/** A store in a process of its own: a service has one, and what runs it is compiled for it alone. */
import {fork} from 'node:child_process';
import {once} from 'node:events';
import {fileURLToPath} from 'node:url';
import type {Sample} from '../rounds.ts';
import type {Work} from './works.ts';

export interface Contestant {
  readonly store: string;
  /** @param keys how many there are in the store */
  round: (work: Work, keys: number) => Promise<Sample>;
  stop: () => Promise<void>;
}

/** What the process is asked. */
export interface Question {
  work: Work;
  keys: number;
}

/** What the process answers. */
export type Answer = {sample: Sample} | {error: string};

const child = fileURLToPath(new URL('./child.ts', import.meta.url));

export function startContestant(store: string, nodeArgs: readonly string[]): Contestant {
  const running = fork(child, [store], {execArgv: [...nodeArgs, '--expose-gc']});
  const ended = once(running, 'exit');
  const failed = ended.then((): never => {
    throw new Error(`the process of ${store} ended`);
  });
  failed.catch(() => undefined);
  return {
    store,
    async round(work, keys) {
      const question: Question = {work, keys};
      const answered = once(running, 'message');
      running.send(question);
      const [answer] = (await Promise.race([answered, failed])) as [Answer];
      if ('error' in answer) throw new Error(answer.error);
      return answer.sample;
    },
    async stop() {
      running.kill();
      await ended;
    },
  };
}
