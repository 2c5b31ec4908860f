// pod-killed: a gateway process is killed as by the kernel; connections of other pods do not notice, and no mail is missing.
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { HttpConnection } from '../peers/phone/http-connection.ts';
import { MailSetup } from './mail-setup.ts';
import { sharedCluster } from './native/global-setup.ts';
import { Traffic } from './traffic/traffic.ts';

let setup: MailSetup;

beforeAll(async () => {
  setup = await MailSetup.make(await sharedCluster(), 'pod-killed');
  await setup.applyFirstManifest();
});

afterAll(() => setup.remove());

/** The pod address at which each local port's connection through the cluster IP ends. */
async function podsByPort(): Promise<Map<number, string>> {
  const address = await setup.kubectl(['get', 'service', 'mail', '-o', 'jsonpath={.spec.clusterIP}']);
  const list = ['conntrack', '-L', '--proto', 'tcp', '--orig-dst', address];
  const { stdout } = await setup.cluster.nodeExec(list);
  const entries = stdout.matchAll(/ sport=(\d+) dport=\d+ (?:\[UNREPLIED\] )?src=(\S+) /g);
  return new Map([...entries].map(([, port, ip]) => [Number(port), ip ?? '']));
}

/** Ends the gateway's process in the pod without a warning; the kubelet starts it again. */
async function killProcess(pod: string): Promise<void> {
  const path = 'jsonpath={.status.containerStatuses[0].containerID}';
  const container = (await setup.kubectl(['get', 'pod', pod, '-o', path])).replace('containerd://', '');
  const pidFile = `/run/containerd/io.containerd.runtime.v2.task/k8s.io/${container}/init.pid`;
  const { code, stderr } = await setup.cluster.nodeExec(['sh', '-c', `kill -KILL "$(cat ${pidFile})"`]);
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
}

async function restarts(pod: string): Promise<string> {
  const path = 'jsonpath={.status.containerStatuses[0].restartCount}';
  return setup.kubectl(['get', 'pod', pod, '-o', path]);
}

test('only connections of that pod break, new ones soon go elsewhere, and all mail arrives once', async () => {
  await using traffic = await Traffic.start(setup, { name: 'pod-killed' });
  await traffic.answered(100);
  const [victim, survivor] = await setup.pods();
  if (victim === undefined || survivor === undefined) throw new Error('there are no two pods');
  const podOf = await podsByPort();
  const at = (ip: string): HttpConnection[] =>
    traffic.keptConnections.filter(({ localPort }) => localPort !== undefined && podOf.get(localPort) === ip);
  const [ofVictim, ofSurvivor] = [at(victim.ip), at(survivor.ip)];
  expect(Math.min(ofVictim.length, ofSurvivor.length)).toBeGreaterThan(5);
  expect(traffic.figures.lost).toBe(0);

  await killProcess(victim.name);
  await traffic.answered(300);
  expect(ofVictim.filter(({ closed }) => !closed)).toEqual([]);
  expect(ofSurvivor.filter(({ closed }) => closed)).toEqual([]);

  await setup.podsSettled(2);
  await setup.waitReady();
  expect(await restarts(victim.name)).toBe('1');
  const { lost } = traffic.figures;
  await traffic.answered(300);
  const report = await traffic.finish();
  expect(report.lost).toBe(lost);
  const reasons = Object.keys(report.lostReasons);
  expect(reasons.filter((reason) => !/: (?:EOF|ECONNRESET|ECONNREFUSED|CLOSED) \(/.test(reason))).toEqual([]);
  expect(report.violations).toEqual([]);
});
