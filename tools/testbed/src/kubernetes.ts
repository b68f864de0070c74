import {mkdtemp, rm, writeFile} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {go, type GoPackages, goSources} from './go.ts';

/** Libraries of Go, without `golang-` and `-dev`. */
const libraries = `
  etcd-server github-beorn7-perks github-blang-semver github-cenkalti-backoff-v5 github-cespare-xxhash-v2 github-coreos-bbolt
  github-coreos-go-semver github-coreos-go-systemd github-davecgh-go-spew github-dustin-go-humanize github-emicklei-go-restful
  github-evanphx-json-patch github-felixge-httpsnoop github-fxamacker-cbor github-go-logr-logr github-go-logr-stdr
  github-go-openapi-jsonpointer github-go-openapi-jsonreference github-go-openapi-swag github-gogo-protobuf
  github-golang-jwt-jwt github-golang-jwt-jwt-v5 github-golang-protobuf-1-5 github-google-btree github-google-gnostic-models
  github-google-go-cmp github-google-uuid github-gorilla-websocket github-grpc-ecosystem-go-grpc-prometheus
  github-grpc-ecosystem-grpc-gateway github-jonboulle-clockwork github-json-iterator-go github-kylelemons-godebug
  github-modern-go-concurrent github-modern-go-reflect2 github-munnerz-goautoneg github-pkg-errors github-pmezard-go-difflib
  github-prometheus-client-golang github-prometheus-client-model github-prometheus-common github-prometheus-procfs
  github-sirupsen-logrus github-soheilhy-cmux github-spf13-pflag github-stretchr-testify github-tmc-grpc-websocket-proxy
  github-x448-float16 github-xiang90-probing go.uber-multierr go.uber-zap golang-x-crypto golang-x-net golang-x-oauth2
  golang-x-oauth2-google golang-x-sys golang-x-term golang-x-text golang-x-time google-genproto google-grpc google-protobuf
  gopkg-inf.v0 gopkg-natefinch-lumberjack.v2 gopkg-yaml.v2 gopkg-yaml.v3 k8s-api k8s-apimachinery k8s-apiserver k8s-client-go
  k8s-component-base k8s-klog k8s-kube-openapi k8s-sigs-apiserver-network-proxy k8s-sigs-json k8s-sigs-randfill
  k8s-sigs-structured-merge-diff-v6 k8s-sigs-yaml k8s-utils opentelemetry-contrib opentelemetry-otel opentelemetry-proto
`;

/** The library of Kubernetes' API servers, and what its tests of storage need. */
const apiServer: GoPackages = {
  name: 'go-kubernetes',
  version: '1.27',
  release: 'sid',
  names: [
    ...['golang-1.27-go', 'golang-1.27-src'],
    ...libraries
      .trim()
      .split(/\s+/)
      .map((name) => `golang-${name}-dev`),
  ],
};

/** What became of tests. */
export interface GoTestResults {
  passed: number;
  /** By name. */
  failed: string[];
}

/**
 * Runs Kubernetes' own tests of its storage, in which each starts a server of ours where it would start an etcd. The first time takes some
 * ten minutes.
 *
 * @param name - of the package below `k8s.io/apiserver/pkg/storage`
 * @param server - a command that serves an empty store, takes the options of `kvi serve` and prints what that prints
 * @throws Error if they do not compile, or cannot be had
 */
export async function testKubernetesStorage(
  name: 'etcd3' | 'cacher',
  server: readonly string[],
): Promise<GoTestResults> {
  const storage = join(await goSources(apiServer), 'k8s.io/apiserver/pkg/storage');
  const folder = await mkdtemp(join(tmpdir(), 'kvi-kubernetes-'));
  try {
    const overlay = join(folder, 'overlay.json');
    const replaced = join(storage, 'etcd3/testserver/test_server.go');
    const replacement = join(import.meta.dirname, 'kubernetes-test-server.go');
    await writeFile(overlay, JSON.stringify({Replace: {[replaced]: replacement}}));
    const printed = await go(apiServer, {
      args: ['test', '-overlay', overlay, '-count=1', '-v', '-timeout=20m', '.'],
      cwd: join(storage, name),
      env: {KVI_SERVER: JSON.stringify(server), HOME: folder},
    }).catch((error: unknown) => {
      if (error instanceof Error && 'stdout' in error && String(error.stdout).includes('--- FAIL')) {
        return String(error.stdout);
      }
      throw error;
    });
    const results = Array.from(printed.matchAll(/^ *--- (PASS|FAIL): (\S+)/gm));
    return {
      passed: results.filter(([, result]) => result === 'PASS').length,
      failed: results.filter(([, result]) => result === 'FAIL').map(([, , test = '']) => test),
    };
  } finally {
    await rm(folder, {recursive: true});
  }
}
