/** A process that measures one group: code that has run for one group is compiled for it, and would be slower in the next. */
import {fork} from 'node:child_process';
import {once} from 'node:events';
import {fileURLToPath} from 'node:url';
import type {Row} from './bench.ts';
import type {MeasuredGroup} from './groups.ts';

/** What a process is told. */
export interface GroupTask {
  group: MeasuredGroup;
  rounds: number;
  /** Part of the work of a full run. */
  scale: number;
  /** Of an etcd that nobody else uses. */
  url: string;
}

const child = fileURLToPath(new URL('./child.ts', import.meta.url));

/**
 * @param onRows called with the rows of each measurement as it ends
 * @throws Error if the process fails; it has said why
 */
export async function measureInProcess(
  task: GroupTask,
  onRows: (rows: readonly Row[]) => void,
): Promise<void> {
  const running = fork(child, [JSON.stringify(task)], {execArgv: [...process.execArgv, '--expose-gc']});
  running.on('message', (rows) => {
    onRows(rows as Row[]);
  });
  const [exitCode] = (await once(running, 'exit')) as [number | null];
  if (exitCode !== 0) throw new Error(`the group ${task.group} could not be measured`);
}
