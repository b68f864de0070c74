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
  /** @param names as TLS wants them: `DNS:etcd.test` */
  issue(name: string, names: string): Promise<Certificate>;
}

/** Makes a certificate authority, by `openssl`. */
export async function createAuthority(): Promise<Authority> {
  const folder = await mkdtemp(join(tmpdir(), 'kvi-certificates-'));

  async function make(name: string, more: readonly string[]): Promise<Certificate> {
    const certFile = join(folder, `${name}.pem`);
    const keyFile = join(folder, `${name}.key`);
    await run('openssl', [
      ...[
        'req',
        '-x509',
        '-newkey',
        'ec',
        '-pkeyopt',
        'ec_paramgen_curve:prime256v1',
        '-nodes',
        '-days',
        '2',
      ],
      ...['-subj', `/CN=${name}`, '-out', certFile, '-keyout', keyFile, ...more],
    ]);
    return {certFile, keyFile, cert: await readFile(certFile, 'utf8'), key: await readFile(keyFile, 'utf8')};
  }

  const root = await make('root', []);
  const leaf = [
    '-CA',
    root.certFile,
    '-CAkey',
    root.keyFile,
    '-addext',
    'basicConstraints=critical,CA:FALSE',
  ];
  return {
    root,
    issue: (name, names) => make(name, [...leaf, '-addext', `subjectAltName=${names}`]),
    [Symbol.asyncDispose]: () => rm(folder, {recursive: true, force: true}),
  };
}
