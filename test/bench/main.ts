// `make bench`: what the gateway costs beside nginx and HAProxy in the same run. A figure a line: name, value, goal.
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { CertificateAuthority } from '../peers/certificates.ts';
import { measureApplyToServed } from './apply-to-served.ts';
import { measureCpu } from './cpu.ts';
import { type Figure, lineOf } from './figures.ts';
import { measureInstallation } from './installation.ts';
import { measureMemory } from './memory.ts';
import { measureManyRoutes, measureOperator } from './operator.ts';
import { measureRecovery } from './operator-recovery.ts';
import { LOAD_CORE, pinTo } from './process.ts';
import { measureRollingUpdate } from './rolling-update.ts';
import { measureStandalone } from './standalone.ts';

export interface BenchSetup {
  readonly directory: string;
  readonly certificate: string;
  readonly key: string;
  readonly ca: string;
}

const parts: Record<string, (setup: BenchSetup) => Promise<Figure[]>> = {
  cpu: measureCpu,
  memory: measureMemory,
  standalone: measureStandalone,
  operator: measureOperator,
  'operator-10000-routes': measureManyRoutes,
  'operator-recovery': measureRecovery,
  'apply-to-served': measureApplyToServed,
  'rolling-update': measureRollingUpdate,
  installation: measureInstallation,
};

async function main(): Promise<number> {
  const names = process.argv.slice(2);
  const unknown = names.find((name) => !(name in parts));
  if (unknown !== undefined) {
    console.error(
      `There is no part ${unknown}: name any of ${Object.keys(parts).join(', ')}, or none for all.`,
    );
    return 2;
  }
  if (cpus().length < 2) {
    console.error('The bench needs two cores: one for the proxy, one for load and upstream.');
    return 1;
  }
  pinTo(String(LOAD_CORE));
  const directory = await mkdtemp(join(tmpdir(), 'sentry-bench-'));
  try {
    const setup = await prepare(directory);
    for (const [name, measure] of Object.entries(parts)) {
      if (names.length > 0 && !names.includes(name)) continue;
      for (const figure of await measure(setup)) console.log(lineOf(figure));
    }
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
  return 0;
}

async function prepare(directory: string): Promise<BenchSetup> {
  const authority = await CertificateAuthority.create('bench CA');
  const { cert: certificate, key } = await authority.issue({ names: ['localhost', '127.0.0.1'] });
  await writeFile(join(directory, 'server.crt'), certificate);
  await writeFile(join(directory, 'server.key'), key, { mode: 0o600 });
  await writeFile(join(directory, 'server.pem'), certificate + key, { mode: 0o600 });
  await writeFile(join(directory, '1mb.bin'), Buffer.alloc(1 << 20, 'm'));
  return { directory, certificate, key, ca: authority.certificate };
}

// Not by exitCode: Node 24 may spin for ever when it takes down an environment that had thousands of TLS connections.
process.exit(await main());
