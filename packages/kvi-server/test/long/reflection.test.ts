// What reflection says of etcd's services and messages is what etcd's own files say, which Debian's python3-etcd3 has.
import {describe, expect, it} from '@jest/globals';
import {startServer} from 'kvi-server/testing';
import {runPython} from 'kvi-testbed';
import {reflections} from 'kvi-wire';
import {connectClient} from '../support/client.ts';

const program = String.raw`
import base64, sys
from google.protobuf.descriptor_pb2 import FileDescriptorProto
from google.protobuf.descriptor_pool import DescriptorPool
from etcd3.etcdrpc import rpc_pb2

files = {}
for text in sys.argv[2:]:
    file = FileDescriptorProto.FromString(base64.b64decode(text))
    files[file.name] = file
pool = DescriptorPool()
def add(name):
    file = files.pop(name, None)
    if file is None: return
    for dependency in file.dependency: add(dependency)
    pool.Add(file)
for name in list(files): add(name)

def fields_of(message):
    return {field.name: (field.number, field.type, field.label) for field in message.fields}

seen = set()
def compare(ours, theirs):
    if ours.full_name in seen: return
    seen.add(ours.full_name)
    assert ours.full_name == theirs.full_name, (ours.full_name, theirs.full_name)
    their_fields = fields_of(theirs)
    for name, field in fields_of(ours).items():
        # Those that are newer than the client.
        if name not in their_fields: print('newer', theirs.name, name); continue
        assert field == their_fields[name], (ours.full_name, name, field, their_fields[name])
    for name, field in ours.fields_by_name.items():
        other = theirs.fields_by_name.get(name)
        if other is None: continue
        if field.message_type: compare(field.message_type, other.message_type)
        if field.enum_type:
            values = lambda enum: {value.name: value.number for value in enum.values}
            # Corruption alarms, and the like, are newer.
            assert values(other.enum_type).items() <= values(field.enum_type).items(), field.full_name

# Each can be found by its name, and so is valid.
services = {name: pool.FindServiceByName(name) for name in sys.argv[1].split(',')}
for full_name, service in services.items():
    package, name = full_name.rsplit('.', 1)
    if package != 'etcdserverpb': continue
    for method in service.methods:
        other = rpc_pb2.DESCRIPTOR.services_by_name[name].methods_by_name.get(method.name)
        if other is None: print('newer', name, method.name); continue
        compare(method.input_type, other.input_type)
        compare(method.output_type, other.output_type)
print(len(services), 'services,', len(seen), 'messages')
`;

describe('reflection', () => {
  it('says of etcd what its own files say', async () => {
    await using server = await startServer();
    await using client = connectClient(server.url);
    const [reflection] = reflections;
    if (reflection === undefined) throw new Error('there is a version');
    const stream = client.open(reflection);
    stream.send({listServices: '*'});
    const services = (await stream.next()).services?.service.map(({name}) => name) ?? [];
    const files = new Set<string>();
    for (const fileContainingSymbol of services) {
      stream.send({fileContainingSymbol});
      const response = await stream.next();
      for (const file of response.files?.fileDescriptorProto ?? []) {
        files.add(Buffer.from(file).toString('base64'));
      }
    }
    stream.stream.close();
    const told = await runPython(program, services.join(','), ...files);
    expect(told.trim().split('\n')).toEqual([
      'newer Auth AuthStatus',
      'newer MemberListRequest linearizable',
      'newer Member isLearner',
      'newer StatusResponse raftAppliedIndex',
      'newer StatusResponse errors',
      'newer StatusResponse dbSizeInUse',
      'newer StatusResponse isLearner',
      'newer StatusResponse storageVersion',
      'newer StatusResponse dbSizeQuota',
      'newer StatusResponse downgradeInfo',
      'newer HashKVResponse hash_revision',
      'newer WatchRequest progress_request',
      'newer WatchCreateRequest watch_id',
      'newer WatchCreateRequest fragment',
      'newer WatchResponse fragment',
      '11 services, 47 messages',
    ]);
  });
});
