// operator-unavailable: without an operator mail flows on, and a gateway pod that is replaced meanwhile serves.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { eventually, HOSTNAME, MailSetup } from './mail-setup.ts';
import { sharedCluster } from './native/global-setup.ts';
import { operatorReplicas, scaleOperator } from './operator-installation.ts';
import { nothingLost, Traffic } from './traffic/traffic.ts';

let setup: MailSetup;
let replicas: number;

beforeAll(async () => {
  setup = await MailSetup.make(await sharedCluster(), 'operator-unavailable');
  await setup.applyFirstManifest();
  replicas = await operatorReplicas(setup.cluster);
});

afterAll(async () => {
  await scaleOperator(setup.cluster, replicas);
  await setup.remove();
});

test('a pod that comes without the operator serves, and an edit of that time takes effect when it is back', async () => {
  await using traffic = await Traffic.start(setup, { name: 'operator-unavailable' });
  await scaleOperator(setup.cluster, 0);

  const before = await setup.pods();
  await setup.kubectl(['delete', 'pod', before[0]?.name ?? '', '--wait=false']);
  const after = await setup.podsSettled(2, before.slice(0, 1));
  const fresh = after.find(({ name }) => before.every((pod) => pod.name !== name));
  const phone = setup.phone('bob@example.com', 'Basic', {
    url: `https://${HOSTNAME}:8443`,
    hosts: { [HOSTNAME]: fresh?.ip ?? '' },
  });
  await phone.folderSync();
  await phone.sync();
  await setup.applyRoute(['mbx2']);
  await traffic.answered(100);

  await scaleOperator(setup.cluster, replicas);
  await setup.waitReady();
  const { journal } = setup.exchange.organisation;
  await eventually('the edited route is served', async () => {
    const seen = journal.requests.length;
    await traffic.answered(50);
    const visits = journal.requests.slice(seen).filter(({ command }) => command === 'Sync');
    return visits.every(({ frontEnd }) => frontEnd === 'mbx2');
  });
  expect(setup.report.summary()).toMatchObject({ lost: 0, unavailable: 0 });
  expect(await traffic.finish()).toMatchObject(nothingLost);
});
