import {randomUUID} from 'node:crypto';
import {expect, it} from '@jest/globals';
import {describeWithEtcd, sharedEtcdUrl, startEtcd} from 'kvi-testbed';
import {runScript} from './support/run-script.ts';
import {spawnKvi} from './support/spawn-kvi.ts';

describeWithEtcd('in a script under set -euo pipefail', () => {
  const env = () => ({KVI_URL: sharedEtcdUrl()});

  it('a lock is free again after the TTL of a holder that was killed; its command goes on without it', async () => {
    const name = `kvi-cli/${randomUUID()}`;
    const script = `
      kvi lock ${name} --ttl 1 -- sh -c 'echo $$ > pid; exec sleep 1000' & holder=$!
      until [ -s pid ]; do :; done
      kill -9 $holder
      wait $holder || echo "killed: $?"
      kvi lock ${name} --wait 60 -- echo mine
      kill -0 "$(cat pid)" && echo 'still running'
      kill "$(cat pid)"
      kvi locks ${name}`;
    expect(await runScript(script, env())).toMatchObject({
      exitCode: 0,
      stdout: 'killed: 137\nmine\nstill running\n',
    });
  });

  it('the command under a lock is told to end when etcd is killed, and the script that etcd is gone', async () => {
    await using etcd = await startEtcd();
    const script = `
      code=0
      kvi lock job --ttl 2 -- sh -c 'trap "echo told; exit 7" TERM; kill -9 ${etcd.pid}; while :; do sleep 0.1; done' || code=$?
      echo $code
      code=0; kvi get a --default x || code=$?; echo $code
      code=0; kvi store a 1 --json 2> error || code=$?; echo $code; grep -o '"code":"[A-Z_]*"' error
      if kvi get a --exists; then echo yes; else echo "not known: $?"; fi`;
    const {exitCode, stdout, stderr} = await runScript(script, {KVI_URL: etcd.url});
    expect(stdout).toBe('told\n104\n101\n101\n"code":"KVI_UNAVAILABLE"\nnot known: 101\n');
    expect(stderr).toMatch(/^(kvi: [^\n]*\. [A-Z][^\n]*\.\n)+$/);
    expect(exitCode).toBe(0);
  });

  it('watches go on when etcd was killed and is started again', async () => {
    await using etcd = await startEtcd();
    const env = {KVI_URL: etcd.url};
    const store = async (key: string, value: string) => {
      await using process = spawnKvi(['store', key, value], env);
      expect(await process.exited).toBe(0);
    };
    await store('a', '0');
    await store('b', '0');
    await using changes = spawnKvi(['watch', 'a', '--initial', '--count', '1'], env);
    await using wait = spawnKvi(['watch', 'b', '--initial', '--until', 'ready'], env);
    expect(await changes.nextLine()).toBe('put\ta\t0');
    expect(await wait.nextLine()).toBe('put\tb\t0');
    etcd.signal('SIGKILL');
    await etcd.restart();
    await store('a', '1');
    await store('b', 'ready');
    expect(await changes.nextLine()).toBe('put\ta\t1');
    expect(await wait.nextLine()).toBe('put\tb\tready');
    expect([await changes.exited, await wait.exited]).toEqual([0, 0]);
  });

  it('each command that prints ends with 100 when the disk behind its output is full', async () => {
    const prefix = `kvi-cli/${randomUUID()}/`;
    const script = `
      kvi store ${prefix}a 1
      for command in "get ${prefix}a" "ls ${prefix}" "range --prefix ${prefix}" "export --prefix ${prefix}" \\
          "history ${prefix}a" "watch --prefix ${prefix} --until 1" "diff --prefix ${prefix} --into ${prefix}none/"; do
        code=0; kvi $command > /dev/full 2> error || code=$?
        echo "\${command%% *} $code $(grep -c '^kvi: ENOSPC: .*Check the disk' error)"
      done
      kvi export --prefix ${prefix} -o backup
      cp backup before
      code=0; kvi export --prefix ${prefix} -o /dev/full 2> error || code=$?; echo "$code $(cat error)" | cut -c 1-15
      cmp backup before`;
    const {stdout, stderr} = await runScript(script, env());
    const commands = ['get', 'ls', 'range', 'export', 'history', 'watch', 'diff'];
    expect(stdout).toBe(`${commands.map((name) => `${name} 100 1\n`).join('')}100 kvi: ENOSPC\n`);
    expect(stderr).toBe('');
  });

  it('binary values, and keys with newlines, pass through each command unchanged', async () => {
    const prefix = `kvi-cli/${randomUUID()}/`;
    const script = `
      head -c 100000 /dev/urandom > blob
      key="${prefix}a/two
lines	and a tab"
      kvi store "$key" @blob
      kvi get "$key" --raw | cmp - blob
      kvi get "$key" -o copy && cmp copy blob
      kvi store ${prefix}a/stdin - < blob
      kvi tas ${prefix}a/stdin @blob @blob
      kvi export --prefix ${prefix}a/ | kvi import - --into ${prefix}b/ | head -n 1
      kvi diff --prefix ${prefix}a/ --into ${prefix}b/
      n=0
      while IFS= read -r -d '' found; do kvi get "$found" --raw | cmp - blob; n=$((n + 1)); done < <(kvi ls ${prefix}b/ -0)
      echo "$n keys"
      kvi ls ${prefix}b/ -0 > list
      head -z -n 1 list | xargs -0 -I{} kvi delete {}
      kvi ls ${prefix}b/ -0 | tr -d '\\0' | sed 's|.*/||'; echo`;
    expect(await runScript(script, env())).toEqual({
      exitCode: 0,
      stdout: 'true\ncreated\t2\n2 keys\n1\ntwo\nlines\tand a tab\n',
      stderr: '',
    });
  });
});
