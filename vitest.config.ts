import { defineConfig } from 'vitest/config';

// Projects by what a test starts: nothing outside its own process, sockets on loopback, another ActiveSync server, Helm,
// processes under load, a control plane, a cluster.
const loads = [
  'test/{standalone,repository}/**/*.test.ts',
  'test/gateway/drain/**/*.test.ts',
  'test/gateway/hostile/requests.test.ts',
  'test/gateway/eas/fuzz.test.ts',
  'test/gateway/http/{fuzz,relay}*.test.ts',
  'test/gateway/shell/{canary,drain,probes,reconnect-storm,reload}.test.ts',
];

// Behaviours that would disturb all others of their cluster, and the cluster's own test, which starts several.
const disturbances = [
  'test/cluster/{api-server-unavailable,etcd-restarted,operator-*,two-operators-*}.test.ts',
  'test/cluster/{helm-*,native,step-out-and-back}.test.ts',
];

export default defineConfig({
  test: {
    maxWorkers: 2,
    projects: [
      {
        test: {
          name: 'unit',
          include: ['{operator,gateway,cli,build}/**/*.test.ts', 'test/{golden,peers}/**/*.test.ts'],
          testTimeout: 30_000,
          hookTimeout: 30_000,
        },
      },
      {
        test: {
          name: 'gateway',
          include: ['test/{gateway,conformance}/**/*.test.ts'],
          exclude: [...loads, 'test/gateway/sogo/**'],
          testTimeout: 120_000,
          hookTimeout: 120_000,
        },
      },
      {
        test: {
          name: 'sogo',
          include: ['test/gateway/sogo/**/*.test.ts'],
          testTimeout: 120_000,
          hookTimeout: 120_000,
        },
      },
      {
        test: {
          name: 'chart',
          include: ['test/chart/**/*.test.ts'],
          testTimeout: 60_000,
        },
      },
      {
        test: {
          name: 'load',
          include: loads,
          testTimeout: 120_000,
          hookTimeout: 120_000,
        },
      },
      {
        test: {
          name: 'apiserver',
          include: ['test/apiserver/**/*.test.ts'],
          globalSetup: ['test/apiserver/global-setup.ts'],
          testTimeout: 120_000,
          hookTimeout: 300_000,
        },
      },
      {
        test: {
          name: 'cluster',
          include: ['test/cluster/**/*.test.ts'],
          exclude: disturbances,
          globalSetup: ['test/cluster/native/global-setup.ts'],
          testTimeout: 180_000,
          hookTimeout: 600_000,
          maxWorkers: 2,
        },
      },
      {
        test: {
          name: 'disturbance',
          include: disturbances,
          globalSetup: ['test/cluster/native/global-setup.ts'],
          testTimeout: 180_000,
          hookTimeout: 600_000,
          fileParallelism: false,
          sequence: { groupOrder: 1 },
        },
      },
      {
        test: {
          name: 'rights',
          include: ['test/rights/**/*.test.ts'],
          testTimeout: 60_000,
        },
      },
    ],
  },
});
