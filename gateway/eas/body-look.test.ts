import { deflateRawSync, deflateSync, gzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { lookAtBody, MAX_LOOK_BYTES } from './body-look.ts';
import { tagOf } from './code-pages.ts';
import { element, encodeWbxml } from './wbxml-encoder.ts';

const PING = encodeWbxml(
  element(
    tagOf('Ping', 'Ping'),
    element(tagOf('Ping', 'HeartbeatInterval'), '480'),
    element(
      tagOf('Ping', 'Folders'),
      ...['5', '7'].map((id) =>
        element(
          tagOf('Ping', 'Folder'),
          element(tagOf('Ping', 'Id'), id),
          element(tagOf('Ping', 'Class'), 'Email'),
        ),
      ),
    ),
  ),
);
const inPieces = (bytes: Buffer): Buffer[] => Array.from(bytes, (byte) => Buffer.from([byte]));

describe('a look at a body', () => {
  test('finds root, heartbeat and folders, in one piece or byte by byte', () => {
    for (const pieces of [[PING], inPieces(PING)]) {
      expect(lookAtBody(pieces, undefined)).toMatchObject({
        root: tagOf('Ping', 'Ping'),
        waitSeconds: 480,
        collectionIds: ['5', '7'],
        status: undefined,
        deviceInformation: undefined,
      });
    }
  });

  test('finds the folders of a Sync, the first 64 of them', () => {
    const collection = (at: number) =>
      element(tagOf('AirSync', 'Collection'), element(tagOf('AirSync', 'CollectionId'), String(at)));
    const many = Array.from({ length: 100 }, (_, at) => collection(at));
    const body = encodeWbxml(
      element(tagOf('AirSync', 'Sync'), element(tagOf('AirSync', 'Collections'), ...many)),
    );
    expect(lookAtBody([body], undefined)?.collectionIds).toEqual(
      many.slice(0, 64).map((_, at) => String(at)),
    );
  });

  test("finds an answer's Status, and not that of an item", () => {
    const item = element(tagOf('FolderHierarchy', 'Add'), element(tagOf('FolderHierarchy', 'Status'), '6'));
    const root = tagOf('FolderHierarchy', 'FolderSync');
    const status = element(tagOf('FolderHierarchy', 'Status'), '142');
    expect(lookAtBody([encodeWbxml(element(root, status, item))], undefined)?.status).toBe(142);
    expect(lookAtBody([encodeWbxml(element(root, item))], undefined)?.status).toBeUndefined();
  });

  test('finds what a phone says of itself, in Settings and in Provision', () => {
    const information = element(
      tagOf('Settings', 'DeviceInformation'),
      element(
        tagOf('Settings', 'Set'),
        element(tagOf('Settings', 'Model'), 'iPhone17,1'),
        element(tagOf('Settings', 'IMEI'), '350000000000000'),
        element(tagOf('Settings', 'FriendlyName'), 'Phone of Ann'),
        element(tagOf('Settings', 'OS'), 'iOS 26.1'),
        element(tagOf('Settings', 'UserAgent'), 'Apple-iPhone17C1/2301.10'),
      ),
    );
    for (const root of [tagOf('Settings', 'Settings'), tagOf('Provision', 'Provision')]) {
      expect(lookAtBody([encodeWbxml(element(root, information))], undefined)?.deviceInformation).toEqual({
        model: 'iPhone17,1',
        friendlyName: 'Phone of Ann',
        operatingSystem: 'iOS 26.1',
        userAgent: 'Apple-iPhone17C1/2301.10',
      });
    }
  });

  test.each<[string, (bytes: Buffer) => Buffer]>([
    ['gzip', gzipSync],
    ['x-gzip', gzipSync],
    ['GZIP', gzipSync],
    ['deflate', deflateSync],
    ['deflate', deflateRawSync],
    ['identity', (bytes) => bytes],
  ])('undoes %s on a copy', (coding, compress) => {
    const pieces = inPieces(compress(PING));
    const before = Buffer.concat(pieces);
    expect(lookAtBody(pieces, coding)?.waitSeconds).toBe(480);
    expect(Buffer.concat(pieces)).toEqual(before);
  });

  test.each<[string, string, Buffer]>([
    ['an unknown coding', 'br', PING],
    ['two codings', 'gzip, gzip', gzipSync(gzipSync(PING))],
    ['what is not compressed', 'gzip', PING],
    ['what is cut', 'gzip', gzipSync(PING).subarray(0, -9)],
    ['what is damaged', 'gzip', Buffer.concat([gzipSync(PING).subarray(0, -8), Buffer.alloc(8)])],
    ['bytes behind the end', 'gzip', Buffer.concat([gzipSync(PING), Buffer.from('x')])],
    ['bytes behind the end', 'deflate', Buffer.concat([deflateSync(PING), Buffer.from('x')])],
  ])('does not understand %s (%s)', (_, coding, body) => {
    expect(lookAtBody([body], coding)).toBeUndefined();
  });

  test('does not inflate a small body into a large one', () => {
    const padded = (bytes: number) => {
      const empty = encodeWbxml(element(tagOf('Ping', 'Ping'), ''));
      return encodeWbxml(element(tagOf('Ping', 'Ping'), 'x'.repeat(bytes - empty.length)));
    };
    expect(lookAtBody([gzipSync(padded(MAX_LOOK_BYTES))], 'gzip')).toBeDefined();
    expect(lookAtBody([gzipSync(padded(MAX_LOOK_BYTES + 1))], 'gzip')).toBeUndefined();
    expect(lookAtBody([padded(MAX_LOOK_BYTES + 1)], undefined)).toBeUndefined();
    expect(lookAtBody([gzipSync(Buffer.alloc(50_000_000))], 'gzip')).toBeUndefined();
  });
});
