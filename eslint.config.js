import {readdirSync} from 'node:fs';
import {defineConfig, globalIgnores} from 'eslint/config';
import eslint from '@eslint/js';
import globals from 'globals';
import {importX} from 'eslint-plugin-import-x';
import tseslint from 'typescript-eslint';

/** Which of our packages a package may import. Dependencies point one way; docs/architecture.md says why. */
const mayImport = {
  'kvi-core': [],
  'kvi-contract': ['kvi-core'],
  'kvi-mem': ['kvi-core'],
  'kvi-wire': ['kvi-core'],
  'kvi-etcd': ['kvi-core', 'kvi-wire'],
  'kvi-grpc': ['kvi-core'],
  'kvi-server': ['kvi-core', 'kvi-wire', 'kvi-mem'],
  kvi: ['kvi-core', 'kvi-mem', 'kvi-etcd'],
  'kvi-cli': ['kvi', 'kvi-server'],
};

/** The folders of a package's sources, from the top down. Each imports only from those below it, and no file of src/ itself. */
const rooms = {
  'kvi-core': [
    'recipes',
    'kvi',
    'primitives',
    'lease',
    'policy',
    'driver',
    'api',
    'async',
    'telemetry',
    'etcd',
  ],
  'kvi-etcd': ['streams', 'calls', 'cluster', 'failures', 'async', 'telemetry'],
  'kvi-server': [
    'http',
    'gateway',
    'services',
    'watch',
    'store',
    'grpc',
    'tenants',
    'options',
    'twin',
    'http2',
  ],
  'kvi-wire': ['etcd', 'protobuf', 'grpc'],
};

const foreignSource = {
  regex: '(^|/)kvi(-[a-z]+)?/src(/|$)',
  message: "Import what a package exports, never another package's src/.",
};

const grpc = {
  group: ['@grpc/*'],
  message: 'Only kvi-grpc uses it; kvi-etcd speaks gRPC itself, and docs/adr/0036 says why.',
};

/** The imports that the sources of one of our packages do without. */
function restrictedImports(name, ...patterns) {
  const allowed = mayImport[name];
  if (allowed === undefined) throw new Error(`eslint.config.js does not say what ${name} may import`);
  const forbidden = Object.keys(mayImport).filter((other) => !allowed.includes(other));
  const upwards = {
    regex: `^(${forbidden.join('|')})(/|$)`,
    message: `${name} may import ${allowed.join(', ') || 'none of our packages'}: dependencies point one way.`,
  };
  const ofGrpc = name === 'kvi-grpc' ? [] : [grpc];
  return ['error', {patterns: [foreignSource, ...ofGrpc, upwards, ...patterns]}];
}

/** The imports that the files in one folder of a package do without. */
function roomImports(name, room) {
  const above = rooms[name].slice(0, rooms[name].indexOf(room));
  const upwards = {
    regex: `^\\.\\./(${[...above, '[^/]+\\.ts$'].join('|')})(/|$)`,
    message: `${room}/ may import only from the folders below it: ${rooms[name].join(', ')}, from the top down.`,
  };
  return restrictedImports(name, upwards);
}

export default defineConfig(
  globalIgnores(['**/dist/', '**/coverage/', '**/node_modules/', 'tools/check-packages/project/']),
  {linterOptions: {reportUnusedDisableDirectives: 'error'}},
  eslint.configs.recommended,
  {
    files: ['**/*.ts'],
    extends: [tseslint.configs.strictTypeChecked, tseslint.configs.stylisticTypeChecked],
    languageOptions: {
      parserOptions: {project: './tsconfig.tests.json', tsconfigRootDir: import.meta.dirname},
    },
    rules: {
      '@typescript-eslint/consistent-type-imports': ['error', {fixStyle: 'inline-type-imports'}],
      '@typescript-eslint/switch-exhaustiveness-check': ['error', {considerDefaultExhaustiveForUnions: true}],
      // What the types rule out still comes from callers without types, and is refused with a clear error.
      '@typescript-eslint/no-unnecessary-condition': 'off',
      // In etcd's protocol a zero means that the field is absent, which `||` says.
      '@typescript-eslint/prefer-nullish-coalescing': ['error', {ignorePrimitives: {number: true}}],
      // A number in a message reads as well without String(...).
      '@typescript-eslint/restrict-template-expressions': ['error', {allowNumber: true}],
      // `() => socket.end()` as a callback is short, and nobody mistakes its result for something.
      '@typescript-eslint/no-confusing-void-expression': ['error', {ignoreArrowShorthand: true}],
      // The base rule does not know that a disposable is used by leaving its scope.
      '@typescript-eslint/no-unused-vars': ['error', {ignoreUsingDeclarations: true}],
      '@typescript-eslint/no-restricted-imports': ['error', {patterns: [foreignSource]}],
      eqeqeq: 'error',
    },
  },
  {
    files: ['packages/*/src/**/*.ts', 'tools/*/src/**/*.ts'],
    plugins: {'import-x': importX},
    settings: {
      'import-x/parsers': {'@typescript-eslint/parser': ['.ts']},
      'import-x/extensions': ['.ts'],
    },
    rules: {'import-x/no-cycle': 'error'},
  },
  ...readdirSync('packages').map((name) => ({
    files: [`packages/${name}/src/**/*.ts`],
    rules: {
      '@typescript-eslint/no-restricted-imports': restrictedImports(name),
    },
  })),
  ...Object.keys(rooms).flatMap((name) =>
    rooms[name].map((room) => ({
      files: [`packages/${name}/src/${room}/**/*.ts`],
      rules: {'@typescript-eslint/no-restricted-imports': roomImports(name, room)},
    })),
  ),
  {
    files: ['**/test/**/*.ts', 'packages/kvi-contract/src/**/*.ts'],
    rules: {
      // A test that was left out or singled out by accident makes a green run that proves nothing.
      'no-restricted-properties': [
        'error',
        ...['describe', 'it', 'test'].flatMap((object) =>
          ['only', 'skip', 'todo'].map((property) => ({object, property, message: 'Every test runs.'})),
        ),
      ],
    },
  },
  {
    files: ['**/*.js', '**/*.mjs'],
    languageOptions: {globals: globals.node},
  },
);
