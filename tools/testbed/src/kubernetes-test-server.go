// Package testserver takes the place of the one in Kubernetes, which starts an etcd for each test: this one starts the server under test.
package testserver

import (
	"bufio"
	"encoding/json"
	"fmt"
	"net"
	"net/url"
	"os"
	"os/exec"
	"testing"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
	"go.etcd.io/etcd/client/v3/kubernetes"
	"go.etcd.io/etcd/server/v3/embed"
	"google.golang.org/grpc"
	storagetesting "k8s.io/apiserver/pkg/storage/testing"
)

// NewTestConfig names a port that is free. Tests change other fields.
func NewTestConfig(t testing.TB) *embed.Config {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	config := embed.NewConfig()
	address := url.URL{Scheme: "http", Host: listener.Addr().String()}
	config.ListenClientUrls = []url.URL{address}
	config.AdvertiseClientUrls = config.ListenClientUrls
	config.Dir = t.TempDir()
	return config
}

// RunEtcd starts the command in KVI_SERVER, and ends it with the test.
func RunEtcd(t testing.TB, config *embed.Config) *kubernetes.Client {
	t.Helper()
	if config == nil {
		config = NewTestConfig(t)
	}
	var command []string
	if err := json.Unmarshal([]byte(os.Getenv("KVI_SERVER")), &command); err != nil {
		t.Fatal(err)
	}
	command = append(command,
		"--listen", config.ListenClientUrls[0].Host,
		"--max-txn-ops", fmt.Sprint(config.MaxTxnOps),
		"--max-request-bytes", fmt.Sprint(config.MaxRequestBytes))
	if interval := config.ExperimentalWatchProgressNotifyInterval; interval > 0 {
		command = append(command, "--progress-notify-interval", fmt.Sprintf("%dms", interval.Milliseconds()))
	}
	server := exec.Command(command[0], command[1:]...)
	server.Stderr = os.Stderr
	output, err := server.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		server.Process.Kill()
		server.Wait()
	})
	line, err := bufio.NewReader(output).ReadBytes('\n')
	if err != nil {
		t.Fatal(err)
	}
	var ready struct{ Url string }
	if err := json.Unmarshal(line, &ready); err != nil {
		t.Fatal(err)
	}
	client, err := kubernetes.New(clientv3.Config{
		Endpoints:   []string{ready.Url},
		DialTimeout: 10 * time.Second,
		DialOptions: []grpc.DialOption{grpc.WithBlock()},
	})
	if err != nil {
		t.Fatal(err)
	}
	client.KV = storagetesting.NewKVRecorder(client.KV)
	client.Kubernetes = storagetesting.NewKubernetesRecorder(client.Kubernetes)
	return client
}
