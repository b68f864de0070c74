import {answerTo} from './call.ts';
import {describeCommand} from './describe-request.ts';
import type {Command, Program} from './program.ts';
import {setStage, type Stage} from './stage.ts';
import {firstKey, firstValue, type FuzzTarget} from './target.ts';
import type {Step, Trace} from './trace.ts';

/** How a program is played. */
export interface PlayOptions {
  /** How long events that are due may take, in milliseconds. Default 10,000. */
  patienceMs?: number;
  /** What to leave out of the answers. Default: what the target says. */
  accepted?: FuzzTarget['accepted'];
}

/** Empties a store, plays a program on it, and tells what it answered. */
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
    // What a watch delivers too much comes before this at the latest.
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

/** Whether a watch gets what is due just before one of these is chance. */
function mayOvertakeWatches(command: Command): boolean {
  return command.do === 'compact' || command.do === 'close' || command.do === 'open';
}

async function sync({watches, tally}: Stage): Promise<Step[]> {
  const delivered = await watches.sync();
  for (const {events = 0} of delivered) tally.events += events;
  return delivered;
}
