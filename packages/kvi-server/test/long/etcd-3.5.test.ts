// The tests beside an etcd 3.4, beside a 3.5, with its etcdctl.
process.env['KVI_TEST_ETCD_RELEASE'] = 'sid';
for (const name of ['kv', 'txn', 'watch', 'lease', 'maintenance']) {
  await import(`../common/${name}.test.ts`);
}
await import('../etcdctl.test.ts');
await import('../gateway.test.ts');
await import('../kubernetes.test.ts');
await import('../lock-and-election.test.ts');

export {};
