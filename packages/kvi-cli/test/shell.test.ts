import {randomUUID} from 'node:crypto';
import {describe, expect, it} from '@jest/globals';
import {describeWithEtcd, sharedEtcdUrl} from 'kvi-testbed';
import {runKvi} from './support/run-kvi.ts';
import {runScript} from './support/run-script.ts';

describe('kvi complete', () => {
  it.each([
    [['ge'], 'get'],
    [['compl'], 'completion'],
    [['get', '--wa'], '--wait'],
    [['get', '--ur'], '--url'],
    [['lease', 'gr'], 'grant'],
    [['completion', 'z'], 'zsh'],
    [['get', '--wait', ''], ''],
    [['lock', 'a', '--', 'ge'], ''],
    [['get', 'a', ''], ''],
  ])('%j is %j', async (words, candidates) => {
    expect(await runKvi(['complete', '--', ...words])).toMatchObject({
      exitCode: 0,
      stdout: candidates === '' ? '' : `${candidates}\n`,
      stderr: '',
    });
  });
});

describeWithEtcd('in a shell', () => {
  const env = () => ({KVI_URL: sharedEtcdUrl()});

  it('keys are completed, a level at a time', async () => {
    const prefix = `kvi-cli/${randomUUID()}/`;
    for (const name of ['app/db/url', 'app/level', 'b']) {
      await runKvi(['store', prefix + name, ''], {env: env()});
    }
    const complete = async (...words: string[]) =>
      (await runKvi(['complete', '--', ...words], {env: env()})).stdout;
    expect(await complete('get', `${prefix}a`)).toBe(`${prefix}app/\n`);
    expect(await complete('delete', '--prefix', `${prefix}app/`)).toBe(
      `${prefix}app/db/\n${prefix}app/level\n`,
    );
  });

  it('bash gets what it may insert: quoted, and behind the last : or =', async () => {
    const prefix = `kvi-cli/${randomUUID()}/`;
    for (const name of ['level', 'a:b/one', 'sp ace', "qu'ote"]) {
      await runKvi(['store', prefix + name, ''], {env: env()});
    }
    /** @param words - of the line, as bash splits it */
    const complete = async (line: string, ...words: string[]) => {
      const script = `source <(kvi completion bash)
        mapfile -t COMP_WORDS << 'END'
${words.join('\n')}
END
        read -r COMP_LINE << 'END'
${line}
END
        COMP_CWORD=${words.length - 1} COMP_POINT=\${#COMP_LINE}
        _kvi
        printf '%s\\n' "\${COMPREPLY[@]}"`;
      const {stdout, stderr} = await runScript(script, env());
      expect(stderr).toBe('');
      return stdout.trimEnd();
    };
    const completeKey = (key: string) => complete(`kvi get ${key}`, 'kvi', 'get', key);
    expect(await completeKey(`${prefix}l`)).toBe(`${prefix}level`);
    expect(await completeKey(`${prefix}s`)).toBe(`${prefix}sp\\ ace`);
    expect(await completeKey(`'${prefix}s`)).toBe(`${prefix}sp ace`);
    expect(await completeKey(`${prefix}q`)).toBe(`${prefix}qu\\'ote`);
    const colon = ['kvi', 'get', `${prefix}a`, ':', 'b/'];
    expect(await complete(`kvi get ${prefix}a:b/`, ...colon)).toBe('b/one');
    expect(await complete('kvi --timeout=5s ge', 'kvi', '--timeout', '=', '5s', 'ge')).toBe('get');
  });

  it('edit stores what the editor saved, and keeps the lease', async () => {
    const key = `kvi-cli/${randomUUID()}/app.yaml`;
    const lease = (await runKvi(['store', key, 'one', '--ttl', '600'], {env: env()})).stdout.trim();
    const editor = {...env(), EDITOR: "sed -i 's/one/two/'"};
    expect(await runScript(`kvi edit ${key}; kvi get ${key}`, editor)).toEqual({
      exitCode: 0,
      stdout: 'two\n',
      stderr: '',
    });
    const found = async () =>
      JSON.parse((await runKvi(['get', key, '--json'], {env: env()})).stdout) as object;
    const edited = await found();
    expect(edited).toMatchObject({lease, version: 2});
    await runScript(`kvi edit ${key}`, editor);
    expect(await found()).toEqual(edited);
  });

  it('edit does not store the newline that an editor adds to the last line', async () => {
    const key = `kvi-cli/${randomUUID()}`;
    const script = `export EDITOR='sh ./editor'
      kvi store ${key} one
      echo 'echo >> "$1"' > editor; kvi edit ${key} --json
      echo 'echo two > "$1"' > editor; kvi edit ${key}; kvi get ${key}`;
    expect(await runScript(script, env())).toMatchObject({stdout: '{"stored":false}\ntwo\n', stderr: ''});
  });

  it('edit refuses to overwrite what somebody else stored meanwhile, and keeps what was edited', async () => {
    const key = `kvi-cli/${randomUUID()}`;
    await runKvi(['store', key, 'one'], {env: env()});
    const script = `cat > editor << 'END'
      kvi store ${key} theirs
      echo ours > "$1"
END
      export TMPDIR=$PWD
      code=0; EDITOR='bash ./editor' kvi edit ${key} 2> error || code=$?
      echo $code; kvi get ${key}; cat kvi-edit-*/*
      grep -q "edited is in $PWD/kvi-edit-" error`;
    expect(await runScript(script, env())).toEqual({exitCode: 0, stdout: '116\ntheirs\nours\n', stderr: ''});
  });

  it('edit stores nothing when the editor fails, and a new key when there was none', async () => {
    const key = `kvi-cli/${randomUUID()}`;
    const script = `EDITOR='false' kvi edit ${key} || echo $?
      kvi get ${key} --exists || echo none
      EDITOR='true' kvi edit ${key}
      kvi get ${key} --exists || echo none
      EDITOR='sh -c "echo new > \\$0"' kvi edit ${key}; kvi get ${key}`;
    expect(await runScript(script, env())).toMatchObject({exitCode: 0, stdout: '1\nnone\nnone\nnew\n'});
  });
});

describe('kvi man', () => {
  it('has what the help of each command says', async () => {
    const {exitCode, stdout} = await runKvi(['man']);
    expect(exitCode).toBe(0);
    const {stdout: help} = await runKvi(['--help']);
    const [, list = ''] = help.split(/Commands:\n|Environment:\n/);
    const commands = Array.from(list.matchAll(/^ {2}(\w+) /gm), ([, name]) => name ?? '');
    expect(commands.length).toBeGreaterThan(25);
    for (const name of commands.filter((each) => each !== 'help')) {
      expect(stdout).toMatch(new RegExp(`^\\.SS kvi ${name} `, 'm'));
    }
    expect(stdout).toContain('.SS kvi lease grant');
    expect(stdout).toContain('.B \\-\\-if\\-absent');
    expect(stdout).toMatch(/^\.SH EXIT STATUS\n\.TP\n\.B 0\nSuccess/m);
    expect(stdout).toMatch(/^\.TP\n\.B 101\nKVI_UNAVAILABLE: Check/m);
    expect(stdout).toMatch(/^\.B 104\nKVI_LOCK_LOST: .*\nKVI_LEADERSHIP_LOST: /m);
  });
});
