import type {Driver, DriverCallOptions} from 'kvi-core/driver';
import type {ServiceContext} from '../store/context.ts';
import {type Answer, type Pages, plainText} from '../store/pages.ts';

/** How long the store may take to show that it answers. */
const within: DriverCallOptions = {timeoutMs: 1_000};

const anyKey = Uint8Array.of(0);

/**
 * The pages of an etcd that scripts look at, for anybody who reaches the server.
 *
 * @see `server/etcdserver/api/etcdhttp` in etcd
 */
export function operatorPages(driver: Driver, {version, alarms}: ServiceContext): Pages {
  const cluster = `${version.split('.').slice(0, 2).join('.')}.0`;

  /** Why the server is of no use now; undefined if it is of use. */
  async function whyNot(): Promise<string | undefined> {
    const [alarm] = alarms.raised;
    if (alarm !== undefined) return alarm.type === 'noSpace' ? 'ALARM NOSPACE' : 'ALARM CORRUPT';
    return driver.range({key: anyKey, countOnly: true}, within).then(
      () => undefined,
      (error: unknown) => `RANGE ERROR:${error instanceof Error ? error.message : String(error)}`,
    );
  }

  async function ready(): Promise<Answer> {
    const reason = await whyNot();
    return reason === undefined ? plainText(200, 'ok\n') : plainText(503, `${reason}\n`);
  }

  return {
    '/version': () => json(200, {etcdserver: version, etcdcluster: cluster}),
    async '/health'() {
      const reason = await whyNot();
      return reason === undefined
        ? json(200, {health: 'true', reason: ''})
        : json(503, {health: 'false', reason});
    },
    // It answers.
    '/livez': () => plainText(200, 'ok\n'),
    '/readyz': ready,
    async '/metrics'() {
      const {revision, leader, memberId, dbSize} = await driver.status(within);
      return plainText(
        200,
        [
          gauge('etcd_server_has_leader', 'Whether or not a leader exists.', leader === '0' ? 0 : 1),
          gauge('etcd_server_is_leader', 'Whether or not this member leads.', leader === memberId ? 1 : 0),
          gauge('etcd_debugging_mvcc_current_revision', 'The revision of the store.', revision),
          gauge('etcd_mvcc_db_total_size_in_bytes', 'Bytes of the database.', Math.max(dbSize, alarms.bytes)),
          gauge('process_resident_memory_bytes', 'Bytes of memory.', process.memoryUsage.rss()),
        ].join(''),
      );
    },
  };
}

function gauge(name: string, help: string, value: number): string {
  return `# HELP ${name} ${help}\n# TYPE ${name} gauge\n${name} ${value}\n`;
}

function json(status: number, value: object): Answer {
  return {status, type: 'application/json', body: `${JSON.stringify(value)}\n`};
}
