import type {Command} from 'commander';
import {type Bytes, isKviError, type Kvi, type Lease} from 'kvi';
import type {Context, Perform} from '../context.ts';
import {type ExitCode, no, ok} from '../exit-codes.ts';
import {jsonBytes} from '../output.ts';
import {ttlSeconds as ttl} from '../parsers.ts';

/** `kvi lease grant|revoke|timetolive|list|keep-alive` */
export function define(command: Command, perform: Perform): void {
  const lease = command.description(
    'Grant, refresh and revoke leases. Keys that are stored under a lease are deleted when it ends.',
  );

  lease
    .command('grant')
    .summary('grant a lease and print its id')
    .description('Grant a lease and print its id. It ends after its TTL unless it is kept alive.')
    .argument('<seconds>', 'its TTL', ttl)
    .option('--id <id>', 'its id, in hexadecimal (default: random)')
    .addHelpText('after', '\nExample:\n  kvi store job1 running --lease "$(kvi lease grant 60)"')
    .action((ttlSeconds: number, {id}: {id?: string}) =>
      perform(async ({kv, output, signal}) => {
        const granted = await kv.lease({ttlSeconds, id, keepAlive: false, signal});
        await output.record([granted.id], {id: granted.id, ttlSeconds: granted.ttlSeconds});
        return ok;
      }),
    );

  lease
    .command('revoke')
    .summary('end a lease, which deletes its keys')
    .description('End a lease, which deletes its keys. Exits with 1 if it does not exist.')
    .argument('<id>')
    .action((id: string) =>
      perform((context) =>
        withLease(context, id, {}, async (found) => {
          await found.revoke();
          await context.output.record([], {id, revoked: true});
          return ok;
        }),
      ),
    );

  lease
    .command('timetolive')
    .alias('ttl')
    .summary('print the remaining seconds of a lease')
    .description('Print the remaining seconds of a lease and its TTL. Exits with 1 if it does not exist.')
    .argument('<id>')
    .option('--keys', 'print its keys as well, one per line')
    .action((id: string, {keys: withKeys = false}: {keys?: boolean}) =>
      perform((context) =>
        withLease(context, id, {}, async (found) => {
          const {output, signal} = context;
          const {ttlSeconds, grantedTtlSeconds, keys} = await found.timeToLive({keys: withKeys, signal});
          const lines = [[String(ttlSeconds), String(grantedTtlSeconds)], ...keys.map((key) => [key])];
          const document = {id, ttlSeconds, grantedTtlSeconds};
          if (context.json) {
            await output.record([], withKeys ? {...document, keys: keys.map(jsonBytes)} : document);
          } else {
            for (const fields of lines) await output.record(fields, document);
          }
          return ok;
        }),
      ),
    );

  lease
    .command('list')
    .summary('print the ids of all leases')
    .description('Print the ids of all leases, one per line.')
    .action(() =>
      perform(async ({kv, output, signal}) => {
        for (const id of await kv.leases({signal})) await output.record([id], {id});
        return ok;
      }),
    );

  lease
    .command('keep-alive')
    .alias('keep')
    .summary('keep a lease alive until interrupted')
    .description(
      'Keep a lease alive until interrupted. It then ends within its TTL. Exits with 1 if it does not exist.',
    )
    .argument('<id>')
    .option('--once', 'refresh it once')
    .action((id: string, {once = false}: {once?: boolean}) =>
      perform((context) =>
        withLease(context, id, {keepAlive: true}, async (found) => {
          const {output, signal} = context;
          await output.record([String(found.ttlSeconds)], {id, ttlSeconds: found.ttlSeconds});
          if (!once) await untilEnded(found, signal);
          return ok;
        }),
      ),
    );
}

/** Runs `use` with the lease; `no` if it does not exist. */
async function withLease(
  {kv, output, signal}: Context,
  id: string,
  options: Parameters<Kvi['attachLease']>[1],
  use: (lease: Lease<Bytes>) => Promise<ExitCode>,
): Promise<ExitCode> {
  const found = await attach(kv, id, {...options, signal});
  if (found === undefined) {
    await output.record([], {id, ttlSeconds: null});
    return no;
  }
  await using lease = found;
  return await use(lease);
}

async function attach(
  kv: Kvi<Bytes>,
  id: string,
  options: Parameters<Kvi['attachLease']>[1],
): Promise<Lease<Bytes> | undefined> {
  try {
    return await kv.attachLease(id, options);
  } catch (error) {
    if (isKviError(error, 'KVI_LEASE_NOT_FOUND')) return undefined;
    throw error;
  }
}

/** @throws the reason of `signal`, or `KVI_LEASE_NOT_FOUND` when the lease has ended */
function untilEnded(lease: Lease<Bytes>, signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    for (const each of [lease.signal, signal]) {
      const end = () => reject(each.reason as Error);
      if (each.aborted) end();
      else each.addEventListener('abort', end, {once: true});
    }
  });
}
