import {lookup} from 'node:dns/promises';
import {get as httpGet} from 'node:http';
import {get as httpsGet} from 'node:https';
import {connect as connectTcp} from 'node:net';
import {connect as connectTls, type PeerCertificate} from 'node:tls';
import {type Driver, isKviError, type StatusResponse} from 'kvi';
import {advice} from './advice.ts';
import {readFromMajority, troubleOf} from './cluster-health.ts';
import {connectDriver, storeCredentials} from './connection.ts';
import {type Endpoint, endpointsOf} from './endpoints.ts';
import {messageOf, usageError} from './failures.ts';
import type {Io} from './io.ts';
import type {Settings} from './settings.ts';

/** The result of a check. */
export interface Finding {
  result: 'ok' | 'warn' | 'fail';
  /** `dns`, `tcp`, and so on. */
  check: string;
  detail: string;
  /** What to do, unless the result is `ok`. */
  remedy?: string;
}

type Notes = Pick<Io, 'stderr'> & {json: boolean};

const warnDays = 30;
const warnClockMs = 2_000;
/** etcd's default, if it does not tell: 2 GiB. */
const defaultQuota = 2 ** 31;

/** Checks the way to the store, step by step, and the store. Steps that need one that failed are left out. */
export async function* checkup(settings: Settings, notes: Notes): AsyncGenerator<Finding, void> {
  const {url} = settings;
  if (url === undefined) throw usageError('no store given: pass --url or set KVI_URL');
  const {isTls, endpoints} = endpointsOf(url);
  let reached: Endpoint | undefined;
  for (const endpoint of endpoints) {
    const where = `${endpoint.host}:${endpoint.port}`;
    const steps = [() => checkDns(endpoint), () => checkTcp(endpoint, settings)];
    if (isTls) steps.push(() => checkTls(endpoint, settings));
    let result: Finding['result'] = 'ok';
    for (const step of steps) {
      if (result === 'fail') break;
      const finding = await step();
      yield {...finding, detail: `${where}: ${finding.detail}`};
      ({result} = finding);
    }
    if (result !== 'fail') reached ??= endpoint;
  }
  yield* checkStore(settings, notes);
  if (reached !== undefined) yield await checkClock(reached, isTls, settings);
}

async function checkDns({host}: Endpoint): Promise<Finding> {
  try {
    const found = await lookup(host, {all: true});
    return {result: 'ok', check: 'dns', detail: found.map(({address}) => address).join(', ')};
  } catch (error) {
    const remedy = 'Check the spelling of the host, and /etc/hosts or the name servers.';
    return {result: 'fail', check: 'dns', detail: messageOf(error), remedy};
  }
}

async function checkTcp({host, port}: Endpoint, {timeoutMs}: Settings): Promise<Finding> {
  const started = performance.now();
  try {
    await new Promise<void>((resolve, reject) => {
      const socket = connectTcp({host, port}, () => {
        socket.destroy();
        resolve();
      });
      socket.setTimeout(timeoutMs, () => socket.destroy(new Error('no answer')));
      socket.once('error', reject);
    });
    return {
      result: 'ok',
      check: 'tcp',
      detail: `connected in ${(performance.now() - started).toFixed(1)} ms`,
    };
  } catch (error) {
    const remedy =
      'Check that etcd runs and listens there (--listen-client-urls), and no firewall is between.';
    return {result: 'fail', check: 'tcp', detail: messageOf(error), remedy};
  }
}

async function checkTls({host, port}: Endpoint, settings: Settings): Promise<Finding> {
  const {ca, cert, key} = await storeCredentials(settings.url ?? '', settings);
  try {
    const {certificate, problem} = await new Promise<{
      certificate: PeerCertificate;
      problem: Error | undefined;
    }>((resolve, reject) => {
      const options = {host, port, ca, cert, key, servername: /[a-z]/i.test(host) ? host : ''};
      // To report a certificate, it has to be accepted first. Nothing is sent.
      const socket = connectTls({...options, rejectUnauthorized: false, ALPNProtocols: ['h2']}, () => {
        resolve({certificate: socket.getPeerCertificate(), problem: socket.authorizationError});
        socket.destroy();
      });
      socket.setTimeout(settings.timeoutMs, () => socket.destroy(new Error('no answer')));
      socket.once('error', reject);
    });
    return judge(certificate, problem);
  } catch (error) {
    const remedy = 'Check that the port speaks TLS, and --cert and --key if etcd wants a certificate.';
    return {result: 'fail', check: 'tls', detail: messageOf(error), remedy};
  }
}

function judge(
  {valid_to: validTo, subjectaltname: names = 'no names'}: PeerCertificate,
  problem?: Error,
): Finding {
  const days = Math.floor((Date.parse(validTo) - Date.now()) / 86_400_000);
  const detail = `${names}; valid until ${validTo} (${days} days)`;
  if (problem !== undefined) {
    const remedy = 'Check --cacert, the host in the URL, and the date of the certificate.';
    return {result: 'fail', check: 'tls', detail: `${String(problem)}; ${detail}`, remedy};
  }
  if (days < warnDays) return {result: 'warn', check: 'tls', detail, remedy: "Renew etcd's certificate."};
  return {result: 'ok', check: 'tls', detail};
}

async function* checkStore(settings: Settings, notes: Notes): AsyncGenerator<Finding, void> {
  const {username, timeoutMs} = settings;
  let driver: Driver;
  try {
    driver = await connectDriver(settings, notes);
  } catch (error) {
    yield failed('open', error);
    return;
  }
  try {
    yield {result: 'ok', check: 'open', detail: username === undefined ? 'without a user' : `as ${username}`};
    const status = await driver.status({timeoutMs});
    yield checkVersion(status);
    yield checkCluster(status);
    yield checkSpace(status);
    await readFromMajority(driver, timeoutMs);
    yield {result: 'ok', check: 'read', detail: 'a majority answers'};
  } catch (error) {
    yield failed('read', error);
  } finally {
    await driver.close();
  }
}

function failed(check: string, error: unknown): Finding {
  const code = isKviError(error) ? error.code : 'KVI_INTERNAL';
  return {result: 'fail', check, detail: messageOf(error), remedy: advice[code]};
}

function checkVersion({version}: StatusResponse): Finding {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  if (major > 3 || (major === 3 && minor >= 4)) return {result: 'ok', check: 'version', detail: version};
  return {result: 'warn', check: 'version', detail: version, remedy: 'Upgrade etcd: kvi needs 3.4 or later.'};
}

function checkCluster(status: StatusResponse): Finding {
  const trouble = troubleOf(status);
  if (trouble !== undefined) {
    return {result: 'fail', check: 'cluster', detail: trouble.reason, remedy: trouble.remedy};
  }
  const {members, leader} = status;
  return {result: 'ok', check: 'cluster', detail: `members: ${members.length}, leader: ${leader}`};
}

function checkSpace({dbSize, dbSizeInUse, dbSizeQuota}: StatusResponse): Finding {
  const quota = dbSizeQuota ?? defaultQuota;
  const guess = dbSizeQuota === undefined ? " (etcd's default; it does not tell its own)" : '';
  const detail = `${dbSize} bytes, ${dbSizeInUse} in use, of ${quota}${guess}`;
  if (dbSize < quota * 0.8) return {result: 'ok', check: 'quota', detail};
  return {
    result: 'warn',
    check: 'quota',
    detail,
    remedy: 'Compact and defragment, or raise --quota-backend-bytes.',
  };
}

/** The HTTP answers of etcd carry its time, to the second. */
async function checkClock({host, port}: Endpoint, isTls: boolean, settings: Settings): Promise<Finding> {
  const {ca, cert, key} = await storeCredentials(settings.url ?? '', settings);
  const timeout = settings.timeoutMs;
  try {
    const date = await new Promise<string | undefined>((resolve, reject) => {
      const options = {
        host,
        port,
        path: '/health',
        timeout,
        ca,
        cert,
        key,
        rejectUnauthorized: false,
        agent: false,
      };
      const request = (isTls ? httpsGet : httpGet)(options, (response) => {
        response.destroy();
        resolve(response.headers.date);
      });
      request.once('timeout', () => request.destroy(new Error('no answer')));
      request.once('error', reject);
    });
    return judgeClock(date);
  } catch (error) {
    return {result: 'warn', check: 'clock', detail: messageOf(error), remedy: 'Compare the clocks by hand.'};
  }
}

function judgeClock(date: string | undefined): Finding {
  if (date === undefined) {
    return {
      result: 'warn',
      check: 'clock',
      detail: 'etcd does not tell its time',
      remedy: 'Compare the clocks by hand.',
    };
  }
  // The header leaves out fractions of a second: on average, half a second.
  const offset = Date.parse(date) + 500 - Date.now();
  const detail = `etcd's is ${(Math.abs(offset) / 1_000).toFixed(0)} s ${offset > 0 ? 'ahead of' : 'behind'} ours`;
  if (Math.abs(offset) <= warnClockMs) return {result: 'ok', check: 'clock', detail: "etcd's is as ours"};
  return {
    result: 'warn',
    check: 'clock',
    detail,
    remedy: 'Let NTP set the clocks: certificates and logs depend on them.',
  };
}
