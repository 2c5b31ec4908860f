// What phones lose while all pods of their gateway are replaced, again and again, in a real cluster.
import { cpus } from 'node:os';
import { MailSetup } from '../cluster/mail-setup.ts';
import { startCluster } from '../cluster/native/cluster.ts';
import { Traffic } from '../cluster/traffic/traffic.ts';
import type { Figure } from './figures.ts';
import { LOAD_CORE, pinTo } from './process.ts';

const UPDATES = 5;

/** `rolling-update.lost` of five updates under one load. Needs the images (`make images`) and root. */
export async function measureRollingUpdate(): Promise<Figure[]> {
  pinTo(`0-${cpus().length - 1}`);
  const cluster = await startCluster();
  try {
    const setup = await MailSetup.make(cluster, 'rolling-update');
    await setup.applyFirstManifest();
    await using traffic = await Traffic.start(setup, { name: 'rolling-update' });
    for (let update = 0; update < UPDATES; update += 1) await replacePods(setup, `release-${update}`);
    const { requests, lost, unavailable } = await traffic.finish();
    await setup.remove();
    return [
      { name: 'rolling-update.requests', value: requests },
      { name: 'rolling-update.lost', value: lost, goal: 0 },
      { name: 'rolling-update.answers-503', value: unavailable, goal: 0 },
    ];
  } finally {
    await cluster.stop();
    pinTo(String(LOAD_CORE));
  }
}

async function replacePods(setup: MailSetup, release: string): Promise<void> {
  const before = await setup.pods();
  await setup.patchGateway({ pod: { labels: { release } } });
  await setup.podsSettled(2, before);
  await setup.waitReady();
}
