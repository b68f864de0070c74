import type {Command} from 'commander';
import {checkup} from '../checkup.ts';
import type {Perform} from '../context.ts';
import {no, ok} from '../exit-codes.ts';

/** `kvi doctor` */
export function define(command: Command, perform: Perform): void {
  command
    .description(
      'Diagnose the connection: name, port, certificate, user, version, leader, alarms, space, clock. Prints a line for ' +
        'each check: ok, warn or fail, its name, what was found, and what to do. Exits with 1 if a check failed.',
    )
    .addHelpText('after', '\nExample:\n  kvi doctor --url https://etcd.example.com:2379 --cacert ca.pem')
    .action(() =>
      perform.withoutStore(async ({io, json, output, ...surroundings}) => {
        let exitCode = ok;
        for await (const finding of checkup(await surroundings.settings(), {stderr: io.stderr, json})) {
          const {result, check, detail, remedy} = finding;
          await output.record([result, check, detail, ...(remedy === undefined ? [] : [remedy])], finding);
          if (result === 'fail') exitCode = no;
        }
        return exitCode;
      }),
    );
}
