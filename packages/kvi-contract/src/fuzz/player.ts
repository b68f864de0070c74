import {answerTo} from './call.ts';
import {describeCommand} from './describe-request.ts';
import type {Command, Program} from './program.ts';
import {setStage, type Stage} from './stage.ts';
import {firstKey, firstValue, type FuzzTarget} from './target.ts';
import type {Step, Trace} from './trace.ts';

/** How to run a program. */
export interface PlayOptions {
  /** How long expected events may take, in milliseconds. Default 10,000. */
  patienceMs?: number;
  /** The differences to ignore. Default: those of the target. */
  accepted?: FuzzTarget['accepted'];
}

/** Empties a store, runs a program on it, and records the answers. */
export async function play(
  program: Program,
  target: FuzzTarget,
  {patienceMs = 10_000, accepted = target.accepted ?? []}: PlayOptions = {},
): Promise<Trace> {
  const stage = await setStage(target, {patienceMs, accepted});
  try {
    const steps: Step[] = [];
    for (const command of program) steps.push(...(await perform(command, stage)));
    steps.push(...(await sync(stage)));
    // Any surplus event of a watch arrives before this.
    await stage.control.txn({success: [{type: 'put', key: firstKey, value: firstValue}]});
    steps.push(...(await sync(stage)));
    return {steps, tally: stage.tally};
  } finally {
    await stage.close();
  }
}

async function perform(command: Command, stage: Stage): Promise<Step[]> {
  if (command.do === 'sync') return sync(stage);
  if (command.do === 'cancel') {
    const delivered = await sync(stage);
    await stage.watches.cancel(command.slot);
    return delivered;
  }
  const delivered = mayOvertakeWatches(command) ? await sync(stage) : [];
  if (command.do === 'compact') await stage.watches.settle();
  return [...delivered, {call: describeCommand(command), answer: await answerTo(command, stage)}];
}

/** Commands before which it is chance whether a watch still delivers what is due. */
function mayOvertakeWatches(command: Command): boolean {
  return command.do === 'compact' || command.do === 'close' || command.do === 'open';
}

async function sync({watches, tally}: Stage): Promise<Step[]> {
  const delivered = await watches.sync();
  for (const {events = 0} of delivered) tally.events += events;
  return delivered;
}
