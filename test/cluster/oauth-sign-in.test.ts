// oauth-sign-in: a phone signs in through the gateway's endpoints and reaches its mail with the token.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { MailSetup } from './mail-setup.ts';
import { sharedCluster } from './native/global-setup.ts';
import { nothingLost, Traffic } from './traffic/traffic.ts';

let setup: MailSetup;

beforeAll(async () => {
  setup = await MailSetup.make(await sharedCluster(), 'oauth-sign-in');
  await setup.applyFirstManifest();
});

afterAll(() => setup.remove());

test('a phone that knows only the gateway signs in and synchronises', async () => {
  const phone = setup.phone('bob@example.com', 'OAuth');
  await phone.options();
  await phone.folderSync();
  await phone.sync();
  expect(phone.folders.length).toBeGreaterThan(0);
  expect(setup.report.summary()).toMatchObject({ signIns: 1, lost: 0, unavailable: 0 });
  expect(setup.exchange.violations).toEqual([]);
});

test('accounts that sign in under load all get in', async () => {
  await using traffic = await Traffic.start(setup, { name: 'oauth-sign-in' });
  await traffic.answered(500);
  const report = await traffic.finish();
  expect(report).toMatchObject(nothingLost);
  expect(report.signIns).toBeGreaterThan(0);
});
