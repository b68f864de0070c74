import type {Command} from 'commander';
import {readFromMajority, troubleOf} from '../cluster-health.ts';
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
          const {timeoutMs} = settings;
          const trouble = troubleOf(await driver.status({timeoutMs}));
          if (trouble !== undefined) {
            const {reason} = trouble;
            await output.record(['unhealthy', reason], {healthy: false, reason});
            return no;
          }
          const started = performance.now();
          await readFromMajority(driver, timeoutMs);
          const ms = Math.round((performance.now() - started) * 10) / 10;
          await output.record(['healthy'], {healthy: true, ms});
          return ok;
        } finally {
          await driver.close();
        }
      }),
    );
}
