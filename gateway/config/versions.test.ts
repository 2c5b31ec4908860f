// Versions N and N − 1 of the snapshot: what the release before wrote is read, and what it can read is written.
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { readSlots } from './directory.ts';
import { decodeSnapshot, encodeSnapshot, type Slot, snapshotHash } from './files.ts';
import { type Snapshot, SNAPSHOT_VERSION, type SnapshotOAuth } from './snapshot.ts';
import { documentOf, isReadable, parseDocument } from './versions.ts';

/** Written by the `encodeSnapshot` of the first release; keys and certificates are not real. */
const VERSION_1 = join(import.meta.dirname, '../../test/fixtures/snapshot-version-1');

const merge = (slots: readonly Slot[]): Slot => new Map(slots.flatMap((slot) => [...slot]));

async function fixture(): Promise<Extract<ReturnType<typeof decodeSnapshot>, { kind: 'ok' }>> {
  const decoded = decodeSnapshot(await readSlots(VERSION_1));
  if (decoded.kind !== 'ok') throw new Error(decoded.message);
  return decoded;
}

describe('a snapshot of the version before', () => {
  test('is read as one of the present version', async () => {
    const { version, snapshot, generation, files } = await fixture();
    expect([version, snapshot.version, generation]).toEqual([1, SNAPSHOT_VERSION, 7]);
    expect(snapshot.routes.map(({ name }) => name)).toEqual(['example-com', 'others']);
    expect(snapshot.proxyProtocol).toBeUndefined();
    expect(files.get('ticket-1.key')?.toString()).toBe('in place of ticket-1.key\n');
  });

  test('is written again with the same hash under the same names: an upgrade of the operator changes nothing', async () => {
    const { snapshot, files, generation, hash } = await fixture();
    const again = encodeSnapshot(snapshot, files, generation);
    expect([again.hash, snapshotHash(snapshot, files)]).toEqual([hash, hash]);
    const names = (slot: Slot): Set<string> => new Set(slot.keys());
    expect(names(merge(again.slots))).toEqual(names(await readSlots(VERSION_1)));
  });

  test('with a field of the present version is refused by its path', async () => {
    const { snapshot } = await fixture();
    const mixed = { ...snapshot, version: 1, proxyProtocol: { trustedProxies: [] } };
    const parsed = parseDocument(mixed, 1);
    expect(parsed.error?.issues[0]?.message).toContain('proxyProtocol');
  });
});

describe('a snapshot that says something new', () => {
  test('is written in the present version, and comes back as it was', async () => {
    const { snapshot, files } = await fixture();
    const newer: Snapshot = {
      ...snapshot,
      proxyProtocol: { trustedProxies: ['10.0.0.0/8', '2001:db8::/32'] },
    };
    expect(documentOf(newer).version).toBe(SNAPSHOT_VERSION);
    const { hash, slots } = encodeSnapshot(newer, files, 8);
    const wanted = { kind: 'ok', version: SNAPSHOT_VERSION, snapshot: newer, files, generation: 8, hash };
    expect(decodeSnapshot(merge(slots))).toEqual(wanted);
  });

  test.each(['10.0.0.1', '10.0.0.0/33', 'fe80::1%eth0/64', 'load-balancer', ''])(
    'but not with %j for a range',
    async (range) => {
      const { snapshot } = await fixture();
      const { error } = parseDocument(
        { ...snapshot, proxyProtocol: { trustedProxies: [range] } },
        SNAPSHOT_VERSION,
      );
      expect(error?.issues[0]?.path).toEqual(['proxyProtocol', 'trustedProxies', 0]);
    },
  );
});

describe('OAuth settings', () => {
  const endpoint = 'https://idp.example.com/x';
  const oauth = {
    authorizationEndpoint: endpoint,
    tokenEndpoint: endpoint,
    gatewayResource: 'https://sentry.example.com',
    destinationResource: 'https://outlook.office365.com/',
    allowPasswordGrant: false,
    otherResources: 'Refuse' as const,
  };
  const writtenWith = async (change: Partial<SnapshotOAuth>): Promise<number> => {
    const { snapshot } = await fixture();
    const authentication = { type: 'OAuth' as const, oauth: { ...oauth, ...change } };
    return documentOf({
      ...snapshot,
      routes: snapshot.routes.map((route) => ({ ...route, authentication })),
    }).version;
  };

  test('of version 1 are written as version 1', async () => {
    expect(await writtenWith({})).toBe(1);
  });

  test.each<Partial<SnapshotOAuth>>([
    { protocol: 'V1' },
    { deviceAuthorizationEndpoint: endpoint },
    { openIDConfigurationEndpoint: endpoint },
    { answeredResource: 'Gateway' },
    { challenges: 'Pass' },
  ])('with %o need the present version', async (change) => {
    expect(await writtenWith(change)).toBe(SNAPSHOT_VERSION);
  });
});

test('versions other than the present one and the one before are not read', () => {
  expect([0, 1, 2, 3].filter(isReadable)).toEqual([SNAPSHOT_VERSION - 1, SNAPSHOT_VERSION]);
  expect(() => parseDocument({}, SNAPSHOT_VERSION + 1)).toThrow(RangeError);
});
