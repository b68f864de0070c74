import type {Command} from 'commander';
import {isKviError, type Member, type StatusResponse} from 'kvi';
import {connectDriver} from '../connection.ts';
import type {Perform, Surroundings} from '../context.ts';
import {isSecure} from '../endpoints.ts';
import {ok} from '../exit-codes.ts';
import type {Settings} from '../settings.ts';
import {printTable, type Row} from '../table.ts';

/** `kvi status` */
export function define(command: Command, perform: Perform): void {
  command
    .description(
      'Print a line for each member of the cluster: name, id, role, version, revision, bytes in use, size of the ' +
        'database in bytes, milliseconds until it answered, and alarms. The role of a member that does not answer is down.',
    )
    .addHelpText('after', '\nExamples:\n  kvi status\n  kvi status --json | jq .dbSizeInUse')
    .action(() =>
      perform.withoutStore(async (surroundings) => {
        const settings = await surroundings.settings();
        const answer = await ask(settings, surroundings);
        const reports = await Promise.all(
          answer.status.members.map((member) => reportOn(member, answer, settings, surroundings)),
        );
        await printTable(rowsOf(reports), {titles}, surroundings);
        return ok;
      }),
    );
}

const titles = ['NAME', 'ID', 'ROLE', 'VERSION', 'REVISION', 'IN USE', 'SIZE', 'MS', 'ALARMS'];

function* rowsOf(reports: Iterable<Report>): Generator<Row, void> {
  for (const report of reports) {
    const {name, id, role, version, revision, dbSizeInUse, dbSize, ms, alarms} = report;
    const fields = [name, id, role, version, revision, dbSizeInUse, dbSize, ms, alarms];
    yield {fields: fields.map((each) => String(each ?? '-')), document: report};
  }
}

/** The state of a member, as it is printed. */
interface Report {
  name: string;
  id: string;
  role: 'leader' | 'follower' | 'learner' | 'down';
  version?: string;
  revision?: number;
  dbSizeInUse?: number;
  dbSize?: number;
  dbSizeQuota?: number | undefined;
  ms?: number;
  alarms?: string;
  clientUrls: string[];
  /** The code of the error, if it is down. */
  error?: string;
}

interface Answer {
  status: StatusResponse;
  ms: number;
}

async function ask(settings: Settings, {io, json}: Surroundings): Promise<Answer> {
  const driver = await connectDriver(settings, {stderr: io.stderr, json});
  try {
    const started = performance.now();
    const status = await driver.status({timeoutMs: settings.timeoutMs});
    return {status, ms: Math.round((performance.now() - started) * 10) / 10};
  } finally {
    await driver.close();
  }
}

/** Asks the member itself, unless it has answered already. */
async function reportOn(
  member: Member,
  first: Answer,
  settings: Settings,
  surroundings: Surroundings,
): Promise<Report> {
  const {id, name, clientUrls, isLearner} = member;
  const own = {name, id, clientUrls};
  try {
    const {status, ms} = await answerOf(member, first, settings, surroundings);
    const {version, revision, dbSizeInUse, dbSize, dbSizeQuota, leader} = status;
    const alarms = status.alarms.filter(({memberId}) => memberId === id).map(({type}) => type);
    return {
      ...own,
      role: leader === id ? 'leader' : isLearner ? 'learner' : 'follower',
      version,
      revision,
      dbSizeInUse,
      dbSize,
      dbSizeQuota,
      ms,
      ...(alarms.length > 0 ? {alarms: alarms.join(',')} : {}),
    };
  } catch (error) {
    return {...own, role: 'down', error: isKviError(error) ? error.code : 'KVI_INTERNAL'};
  }
}

async function answerOf(
  {id, clientUrls}: Member,
  first: Answer,
  settings: Settings,
  surroundings: Surroundings,
): Promise<Answer> {
  const [url] = clientUrls;
  if (first.status.memberId === id || url === undefined) return first;
  // Members behind a TLS proxy advertise plain URLs.
  const where = isSecure(settings.url ?? '') ? url.replace(/^http:/, 'https:') : url;
  return ask({...settings, url: where}, surroundings);
}
