import {execFile} from 'node:child_process';
import {mkdtemp, readFile, rm} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {promisify} from 'node:util';

const run = promisify(execFile);

/** A certificate and its key: their files, and what these hold. */
export interface Certificate {
  certFile: string;
  keyFile: string;
  cert: string;
  key: string;
}

/** Certificates for one test, in a folder of their own. */
export interface Authority extends AsyncDisposable {
  readonly root: Certificate;
  /**
   * @param names - as TLS wants them: `DNS:etcd.test,IP:127.0.0.1`
   * @param days - how long it is valid; 0 for one that has expired
   */
  issue(name: string, names: string, days?: number): Promise<Certificate>;
}

const newKey = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];

/** Makes a certificate authority, by `openssl`. */
export async function createAuthority(): Promise<Authority> {
  const folder = await mkdtemp(join(tmpdir(), 'kvi-certificates-'));
  const root = filesOf('root');
  await run('openssl', [
    ...['req', '-x509', ...newKey, '-days', '2', '-subj', '/CN=root'],
    ...['-out', root.certFile, '-keyout', root.keyFile],
  ]);

  function filesOf(name: string) {
    return {certFile: join(folder, `${name}.pem`), keyFile: join(folder, `${name}.key`)};
  }

  async function issue(name: string, names: string, days = 2): Promise<Certificate> {
    const files = filesOf(name);
    const request = join(folder, `${name}.csr`);
    await run('openssl', [
      ...['req', '-new', ...newKey, '-subj', `/CN=${name}`, '-out', request, '-keyout', files.keyFile],
      ...['-addext', `subjectAltName=${names}`, '-addext', 'basicConstraints=critical,CA:FALSE'],
    ]);
    await run('openssl', [
      ...['x509', '-req', '-in', request, '-out', files.certFile, '-days', String(days)],
      ...['-CA', root.certFile, '-CAkey', root.keyFile, '-copy_extensions', 'copy'],
    ]);
    return read(files);
  }

  return {
    root: await read(root),
    issue,
    [Symbol.asyncDispose]: () => rm(folder, {recursive: true, force: true}),
  };
}

async function read(files: Pick<Certificate, 'certFile' | 'keyFile'>): Promise<Certificate> {
  const {certFile, keyFile} = files;
  return {certFile, keyFile, cert: await readFile(certFile, 'utf8'), key: await readFile(keyFile, 'utf8')};
}
