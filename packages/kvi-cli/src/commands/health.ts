import type {Command} from 'commander';
import type {StatusResponse} from 'kvi';
import {connectDriver} from '../connection.ts';
import type {Perform} from '../context.ts';
import {no, ok} from '../exit-codes.ts';

/** `kvi health` */
export function define(command: Command, perform: Perform): void {
  command
    .description(
      'Print healthy, or unhealthy and why, and exit with 1 then. The store is healthy if it has a leader and no alarm, ' +
        'and answers a read that its majority agrees on.',
    )
    .addHelpText('after', '\nExample:\n  kvi health --timeout 2s')
    .action(() =>
      perform.withoutStore(async ({io, json, output, ...surroundings}) => {
        const settings = await surroundings.settings();
        const driver = await connectDriver(settings, {stderr: io.stderr, json});
        try {
          const timeoutMs = settings.timeoutMs ?? 5_000;
          const why = whyNot(await driver.status({timeoutMs}));
          if (why !== undefined) {
            await output.record(['unhealthy', why], {healthy: false, reason: why});
            return no;
          }
          const started = performance.now();
          await driver.range({key: Buffer.from('health'), keysOnly: true}, {timeoutMs});
          const ms = Math.round((performance.now() - started) * 10) / 10;
          await output.record(['healthy'], {healthy: true, ms});
          return ok;
        } finally {
          await driver.close();
        }
      }),
    );
}

function whyNot({leader, alarms}: StatusResponse): string | undefined {
  if (leader === '0') return 'it has no leader';
  const [alarm] = alarms;
  return alarm && `alarm ${alarm.type} of member ${alarm.memberId}`;
}
