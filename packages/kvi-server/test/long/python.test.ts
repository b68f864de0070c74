// What Debian's python3-etcd3 does with an etcd, it does with a server of kvi.
import {describe, expect, it} from '@jest/globals';
import {startServer} from 'kvi-server/testing';
import {runPython} from 'kvi-testbed';
import {readFile} from 'node:fs/promises';

const program = String.raw`
import sys, threading
import etcd3

client = etcd3.client(host='127.0.0.1', port=int(sys.argv[1]))

# Keys.
client.put('a', '1')
value, meta = client.get('a')
assert (value, meta.version) == (b'1', 1)
assert client.get('absent') == (None, None)
client.put('p/1', 'x')
client.put('p/2', 'y')
assert [value for value, _ in client.get_prefix('p/')] == [b'x', b'y']
descending = client.get_prefix('p/', sort_order='descend', sort_target='key')
assert [meta.key for _, meta in descending] == [b'p/2', b'p/1']
assert len(list(client.get_range('p/1', 'p/2'))) == 1
assert len(list(client.get_all())) == 3
assert client.delete('p/1') and not client.delete('p/1')
assert client.delete_prefix('p/').deleted == 1

# Transactions.
assert not client.put_if_not_exists('a', '2')
assert client.replace('a', '1', '2')
done, responses = client.transaction(
    compare=[client.transactions.value('a') == '2', client.transactions.version('a') > 0],
    success=[client.transactions.put('t', '1'), client.transactions.get('a')],
    failure=[])
assert done and responses[1][0][0] == b'2'

# Watches.
events, cancel = client.watch('w')
client.put('w', 'v')
assert next(events).value == b'v'
cancel()
seen = []
both = threading.Event()
def see(response):
    seen.extend(response.events)
    if len(seen) == 2: both.set()
watch = client.add_watch_prefix_callback('x/', see)
client.put('x/1', '1')
client.delete('x/1')
assert both.wait(10)
client.cancel_watch(watch)

# Leases and locks.
lease = client.lease(10)
client.put('l', '1', lease=lease)
assert list(lease.keys) == [b'l'] and lease.granted_ttl == 10
list(lease.refresh())
lease.revoke()
assert client.get('l')[0] is None
with client.lock('lock', ttl=10) as lock:
    assert lock.is_acquired()
assert not lock.is_acquired()

# The cluster.
assert [member.name for member in client.members] == ['kvi']
assert client.status().version == '3.6.5'
assert list(client.list_alarms()) == []
client.compact(client.get('a')[1].mod_revision)
client.defragment()
print('done')
`;

describe('python3-etcd3', () => {
  it('reads, writes, watches, leases and locks', async () => {
    await using server = await startServer();
    expect(await runPython(program, String(server.port))).toBe('done\n');
  });

  it('is used as the documentation says', async () => {
    const page = await readFile(new URL('../../../../docs/server.md', import.meta.url), 'utf8');
    const [, example = ''] = /```python\n(.*?)```/s.exec(page) ?? [];
    await using server = await startServer();
    await runPython(`import sys, etcd3\nport = int(sys.argv[1])\n${example}`, String(server.port));
    expect(server.store.dump()).toEqual({greeting: 'hello'});
  });
});
