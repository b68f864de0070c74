import {readFile} from 'node:fs/promises';
import {describe, expect, it} from '@jest/globals';
import {errorExitCodes, failed} from '../src/exit-codes.ts';
import {runKvi} from './support/run-kvi.ts';

describe('a command line that means nothing exits with 2, and says why on the standard error', () => {
  it.each([
    ['no store', ['get', 'a'], 'set KVI_URL'],
    ['a URL without a driver', ['--url', 'redis:', 'get', 'a'], 'redis:'],
    ['no command', [], 'Usage: kvi'],
    ['an unknown command', ['--url', 'mem:', 'frobnicate', 'a'], 'see kvi --help\n'],
    [
      'an unknown option of a command',
      ['lock', 'a', 'ls', '-l'],
      "unknown option '-l'; see kvi lock --help\n",
    ],
    ['the word of another command', ['queue', 'list'], "unknown command 'list'; see kvi queue --help\n"],
    ['a misspelt command', ['--url', 'mem:', 'stor', 'a'], "unknown command 'stor' (Did you mean store?)\n"],
    ['the word of another tool', ['--url', 'mem:', 'put', 'a', 'b'], "unknown command 'put'; use store\n"],
    [
      'no time at all',
      ['--url', 'mem:', '--timeout', '0', 'get', 'a'],
      "option '--timeout <time>' argument '0'",
    ],
    [
      'a TTL of nothing',
      ['--url', 'mem:', 'lock', 'a', '--ttl', '0', '--', 'x'],
      "option '--ttl <seconds>' argument '0'",
    ],
    ['a TTL of years', ['--url', 'mem:', 'store', 'a', 'b', '--ttl', '99999999'], 'at most 24 days'],
    ['too long a wait', ['--url', 'mem:', 'lock', 'a', '--wait', '9999999', '--', 'x'], "'--wait <seconds>'"],
    [
      'a revision too high',
      ['--url', 'mem:', 'watch', 'a', '--from-revision', '9'.repeat(17)],
      "'--from-revision",
    ],
    ['an unknown option', ['--url', 'mem:', 'get', 'a', '--fast'], "unknown option '--fast'"],
    ['a missing argument', ['--url', 'mem:', 'store', 'a'], "missing required argument 'value'"],
    ['too many arguments', ['--url', 'mem:', 'get', 'a', 'b'], 'too many arguments'],
    ['an empty key', ['--url', 'mem:', 'get', ''], 'KVI_INVALID_ARGUMENT'],
    ['an unknown operator', ['--url', 'mem:', 'transaction', 'a', '==', '', 'b', '', 'c', ''], '=, !=, <, >'],
    ['no keys', ['--url', 'mem:', 'delete'], 'expected one of KEY'],
    ['keys named twice', ['--url', 'mem:', 'range', 'a', '--all'], 'expected one of KEY'],
    ['a limit that is no number', ['--url', 'mem:', 'range', '--all', '--limit', 'x'], 'whole number'],
    ['a count of nothing', ['--url', 'mem:', 'watch', 'a', '--count', '0'], '1 or more'],
    ['a timeout that is no time', ['--url', 'mem:', '--timeout', '5h', 'get', 'a'], '500ms'],
    ['a tas without a value', ['--url', 'mem:', 'tas', 'a', 'b'], 'KEY TEST VALUE'],
    ['a tas with --absent and a test', ['--url', 'mem:', 'tas', 'a', 'b', 'c', '--absent'], '--absent'],
    ['a lock without a command', ['--url', 'mem:', 'lock', 'a'], "missing required argument 'command'"],
    ['a batch that is not there', ['--url', 'mem:', 'batch', 'no/such/file'], 'no/such/file'],
    [
      'a certificate that is not there',
      ['--url', 'mem:', 'get', 'a', '--cacert', 'no/such.pem'],
      'no/such.pem',
    ],
    ['an argument that was not UTF-8', ['--url', 'mem:', 'store', 'a', '\uFFFD'], 'not UTF-8'],
  ])('%s', async (_, args, complaint) => {
    expect(await runKvi(args)).toMatchObject({
      exitCode: 2,
      stdout: '',
      stderr: expect.stringContaining(complaint),
    });
  });
});

describe('an error with --json', () => {
  it.each([
    [['--url', 'mem:', 'get', 'a', '--revision', '99'], 106, 'KVI_FUTURE_REVISION'],
    [['--url', 'mem:', 'get', ''], 2, 'KVI_INVALID_ARGUMENT'],
    [['get', 'a'], 2, 'KVI_INVALID_ARGUMENT'],
    [['--url', 'mem:', 'fetch'], 2, 'KVI_INVALID_ARGUMENT'],
    [[], 2, 'KVI_INVALID_ARGUMENT'],
    [['lease'], 2, 'KVI_INVALID_ARGUMENT'],
  ])('of %j is one document on the standard error', async (args, exitCode, code) => {
    const {stderr, stdout, ...ended} = await runKvi([...args, '--json']);
    expect({...ended, stdout}).toMatchObject({exitCode, stdout: ''});
    expect(JSON.parse(stderr)).toEqual({
      error: {code, message: expect.stringMatching(/.+/), advice: expect.stringMatching(/\.$/), exitCode},
    });
  });

  it('of a command that cannot be run has the exit code of a shell', async () => {
    const {exitCode, stderr} = await runKvi([
      '--json',
      '--url',
      'mem:',
      'lock',
      'a',
      '--',
      'no-such-command',
    ]);
    expect(exitCode).toBe(127);
    expect(JSON.parse(stderr)).toMatchObject({
      error: {message: 'no-such-command: command not found', exitCode: 127},
    });
  });

  it('of a line of a batch names the line', async () => {
    const {stderr} = await runKvi(['--url', 'mem:', 'batch', '-', '--json'], {
      input: 'get a --revision 99\n',
    });
    expect(JSON.parse(stderr)).toMatchObject({error: {message: expect.stringMatching(/^line 1: /)}});
  });

  it('is text for the command of a lock, which has its own options', async () => {
    const {stderr} = await runKvi(['--url', 'redis:', 'lock', 'a', '--', 'x', '--json']);
    expect(stderr).toMatch(/^kvi: /);
  });
});

describe('help', () => {
  it.each([
    'get',
    'store',
    'ls',
    'range',
    'count',
    'delete',
    'export',
    'import',
    'copy',
    'diff',
    'tas',
    'transaction',
    'watch',
    'lock',
    'tempkey',
    'batch',
  ])(
    '%s explains itself on the standard output, with an example and the options of all commands',
    async (command) => {
      const {exitCode, stdout, stderr} = await runKvi([command, '--help']);
      expect({exitCode, stderr}).toEqual({exitCode: 0, stderr: ''});
      expect(stdout).toContain(`Usage: kvi ${command}`);
      expect(stdout).toMatch(new RegExp(`Examples?:\\n.*kvi ${command}`));
      expect(stdout).toContain('--url');
    },
  );

  it('kvi help COMMAND is kvi COMMAND --help', async () => {
    const {stdout} = await runKvi(['get', '--help']);
    expect(await runKvi(['help', 'get'])).toMatchObject({exitCode: 0, stdout, stderr: ''});
    expect((await runKvi(['help'])).stdout).toContain('test and set');
    expect((await runKvi(['help', 'lease', 'grant'])).stdout).toContain('Usage: kvi lease grant');
  });

  it('the version is that of the package', async () => {
    expect(await runKvi(['--version'])).toMatchObject({
      exitCode: 0,
      stdout: expect.stringMatching(/^\d+\.\d+\.\d+\n$/),
    });
  });
});

describe('options of all commands', () => {
  it('may stand before the command and after it, and --url goes before KVI_URL', async () => {
    const env = {KVI_URL: 'redis:'};
    expect(await runKvi(['--url', 'mem:', '--json', 'get', 'a'], {env})).toMatchObject({
      exitCode: 1,
      stdout: '{"key":"a","value":null}\n',
    });
    expect(await runKvi(['get', 'a', '--json', '--url', 'mem:'], {env})).toMatchObject({exitCode: 1});
  });

  it('a value that begins with a dash follows --', async () => {
    const url = 'mem:dash';
    expect(await runKvi(['--url', url, 'store', 'a', '--', '--json'])).toMatchObject({exitCode: 0});
    expect(await runKvi(['--url', url, 'get', 'a'])).toMatchObject({stdout: '--json\n'});
  });
});

describe('docs/cli.md', () => {
  it.each(Object.entries(errorExitCodes).filter(([, exitCode]) => exitCode !== failed))(
    'says that %s exits with %d',
    async (code, exitCode) => {
      const page = await readFile(new URL('../../../docs/cli.md', import.meta.url), 'utf8');
      expect(page).toMatch(new RegExp(`^\\| ${String(exitCode)} +\\| .*\`${code}\``, 'm'));
    },
  );
});
