// What etcd's own client for Go does with an etcd, it does with a server of kvi.
import {describe, expect, it} from '@jest/globals';
import {startServer} from 'kvi-server/testing';
import {runGo} from 'kvi-testbed';
import {readFile} from 'node:fs/promises';

const program = String.raw`
package main

import (
	"context"
	"errors"
	"fmt"
	"log"
	"os"
	"sync"
	"time"

	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	clientv3 "go.etcd.io/etcd/client/v3"
	"go.etcd.io/etcd/client/v3/concurrency"
)

func check(err error) {
	if err != nil {
		log.Panic(err)
	}
}

func expect(isSo bool, law string) {
	if !isSo {
		log.Panic(law)
	}
}

func main() {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	client, err := clientv3.New(clientv3.Config{
		Endpoints:            []string{os.Args[1]},
		DialTimeout:          5 * time.Second,
		DialKeepAliveTime:    time.Second,
		DialKeepAliveTimeout: time.Second,
		RejectOldCluster:     true,
	})
	check(err)
	defer client.Close()
	keys(ctx, client)
	watches(ctx, client)
	leases(ctx, client)
	coordination(ctx, client)
	maintenance(ctx, client)
	fmt.Println("done")
}

func keys(ctx context.Context, client *clientv3.Client) {
	for _, key := range []string{"p/1", "p/2", "p/3"} {
		_, err := client.Put(ctx, key, "value of "+key)
		check(err)
	}
	put, err := client.Put(ctx, "p/2", "again", clientv3.WithPrevKV())
	check(err)
	expect(string(put.PrevKv.Value) == "value of p/2", "the previous value")
	get, err := client.Get(ctx, "p/", clientv3.WithPrefix(), clientv3.WithLimit(2),
		clientv3.WithSort(clientv3.SortByModRevision, clientv3.SortDescend))
	check(err)
	expect(get.Count == 3 && get.More && string(get.Kvs[0].Key) == "p/2" && string(get.Kvs[1].Key) == "p/3", "a range")
	txn, err := client.Txn(ctx).
		If(clientv3.Compare(clientv3.Value("p/1"), "=", "value of p/1"), clientv3.Compare(clientv3.Version("p/9"), "=", 0)).
		Then(clientv3.OpPut("p/9", "9"), clientv3.OpTxn(nil, []clientv3.Op{clientv3.OpGet("p/9")}, nil)).
		Else(clientv3.OpGet("p/1")).Commit()
	check(err)
	expect(txn.Succeeded && len(txn.Responses[1].GetResponseTxn().Responses[0].GetResponseRange().Kvs) == 1, "a transaction")
	deleted, err := client.Delete(ctx, "p/", clientv3.WithPrefix())
	check(err)
	expect(deleted.Deleted == 4, "a deletion")
	old, err := client.Get(ctx, "p/1", clientv3.WithRev(get.Header.Revision))
	check(err)
	expect(len(old.Kvs) == 1, "the past")
	_, err = client.Get(ctx, "p/1", clientv3.WithRev(99))
	expect(errors.Is(err, rpctypes.ErrFutureRev), "the error of a future revision")
	_, err = client.Put(ctx, "", "")
	expect(errors.Is(err, rpctypes.ErrEmptyKey), "the error of an empty key")
}

func watches(ctx context.Context, client *clientv3.Client) {
	events := client.Watch(clientv3.WithRequireLeader(ctx), "w/", clientv3.WithPrefix(), clientv3.WithPrevKV(),
		clientv3.WithProgressNotify(), clientv3.WithCreatedNotify(), clientv3.WithFragment())
	created := <-events
	expect(created.Created, "a watch is created")
	_, err := client.Put(ctx, "w/a", "1")
	check(err)
	_, err = client.Delete(ctx, "w/a")
	check(err)
	seen := []*clientv3.Event{}
	for len(seen) < 2 {
		response := <-events
		check(response.Err())
		seen = append(seen, response.Events...)
	}
	expect(seen[0].IsCreate() && seen[1].Type == clientv3.EventTypeDelete && string(seen[1].PrevKv.Value) == "1", "events")
	check(client.RequestProgress(clientv3.WithRequireLeader(ctx)))
	progress := <-events
	expect(progress.IsProgressNotify() && progress.Header.Revision >= seen[1].Kv.ModRevision, "progress")
	_, err = client.Compact(ctx, seen[1].Kv.ModRevision)
	check(err)
	for response := range client.Watch(ctx, "w/a", clientv3.WithRev(2)) {
		expect(errors.Is(response.Err(), rpctypes.ErrCompacted) && response.CompactRevision == seen[1].Kv.ModRevision, "compaction")
	}
}

func leases(ctx context.Context, client *clientv3.Client) {
	lease, err := client.Grant(ctx, 60)
	check(err)
	_, err = client.Put(ctx, "l", "1", clientv3.WithLease(lease.ID))
	check(err)
	alive, err := client.KeepAlive(ctx, lease.ID)
	check(err)
	expect((<-alive).TTL == 60, "a keepalive")
	left, err := client.TimeToLive(ctx, lease.ID, clientv3.WithAttachedKeys())
	check(err)
	expect(left.GrantedTTL == 60 && len(left.Keys) == 1, "what a lease has")
	all, err := client.Leases(ctx)
	check(err)
	expect(len(all.Leases) == 1 && all.Leases[0].ID == lease.ID, "the leases")
	_, err = client.Revoke(ctx, lease.ID)
	check(err)
	for range alive {
	}
	get, err := client.Get(ctx, "l")
	check(err)
	expect(get.Count == 0, "the key of a lease goes with it")
}

func coordination(ctx context.Context, client *clientv3.Client) {
	var group sync.WaitGroup
	holders, highest := 0, 0
	for n := 0; n < 5; n++ {
		group.Add(1)
		go func() {
			defer group.Done()
			session, err := concurrency.NewSession(client, concurrency.WithTTL(10))
			check(err)
			defer session.Close()
			mutex := concurrency.NewMutex(session, "lock")
			check(mutex.Lock(ctx))
			holders++
			if holders > highest {
				highest = holders
			}
			time.Sleep(time.Millisecond)
			holders--
			check(mutex.Unlock(ctx))
			_, err = concurrency.NewSTM(client, func(stm concurrency.STM) error {
				stm.Put("counter", stm.Get("counter")+"x")
				return nil
			})
			check(err)
		}()
	}
	group.Wait()
	expect(highest == 1, "a lock has one holder")
	counter, err := client.Get(ctx, "counter")
	check(err)
	expect(string(counter.Kvs[0].Value) == "xxxxx", "each unit of work counts")
	session, err := concurrency.NewSession(client)
	check(err)
	defer session.Close()
	election := concurrency.NewElection(session, "election")
	check(election.Campaign(ctx, "me"))
	observed := <-election.Observe(ctx)
	expect(string(observed.Kvs[0].Value) == "me", "the leader")
	check(election.Resign(ctx))
}

func maintenance(ctx context.Context, client *clientv3.Client) {
	members, err := client.MemberList(ctx)
	check(err)
	expect(len(members.Members) == 1 && members.Members[0].ID == members.Header.MemberId, "the member")
	status, err := client.Status(ctx, client.Endpoints()[0])
	check(err)
	expect(status.Leader == members.Header.MemberId && status.DbSize > 0, "the status")
	check(client.Sync(ctx))
	alarms, err := client.AlarmList(ctx)
	check(err)
	expect(len(alarms.Alarms) == 0, "the alarms")
	_, err = client.Defragment(ctx, client.Endpoints()[0])
	check(err)
	_, err = client.HashKV(ctx, client.Endpoints()[0], 0)
	check(err)
}
`;

/** The first program takes minutes to compile, in which etcd's client does. */
const timeoutMs = 600_000;

describe("etcd's own client for Go", () => {
  it(
    'reads, writes, watches, leases, locks and elects',
    async () => {
      await using server = await startServer();
      expect(await runGo(program, server.url)).toBe('done\n');
    },
    timeoutMs,
  );

  it('is used as the documentation says', async () => {
    const page = await readFile(new URL('../../../../docs/server.md', import.meta.url), 'utf8');
    const [, example = ''] = /```go\n(.*?)```/s.exec(page) ?? [];
    await using server = await startServer();
    await runGo(
      `package main
import (
	"context"
	"log"
	"os"
	clientv3 "go.etcd.io/etcd/client/v3"
)
func main() {
	ctx, url := context.Background(), os.Args[1]
	${example}
	if err != nil {
		log.Fatal(err)
	}
}`,
      server.url,
    );
    expect(server.store.dump()).toEqual({greeting: 'hello'});
  });
});
