// The query as the simulated Exchange reads it: known vectors, what the phone writes, and what is refused.
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { base64Query, plainQuery } from '../phone/query.ts';
import { parseQuery, QueryError } from './query.ts';

describe('the query of a request', () => {
  it('in base64 without user and key', () => {
    expect(parseQuery('jAAJBAp2MTQwRGV2aWNlAApTbWFydFBob25l')).toEqual({
      encoding: 'base64',
      command: 'Sync',
      protocolVersion: '14.0',
      deviceId: 'v140Device',
      deviceType: 'SmartPhone',
      acceptMultiPart: false,
      saveInSent: false,
      parameters: new Map(),
    });
  });

  it.each(['==', '%3D%3D', '%3d%3D'])('in base64 with all tags and %s at its end', (end) => {
    const text =
      'oRMJBCBBQkNERUYwMTIzNDU2Nzg5QUJDREVGMDEyMzQ1Njc4OQTSApZJBmlQaG9uZQcBAggQdXNlckBjb250b3NvLmNvbQ';
    expect(parseQuery(text + end)).toMatchObject({
      command: 'ItemOperations',
      protocolVersion: '16.1',
      deviceId: 'ABCDEF0123456789ABCDEF0123456789',
      policyKey: 1_234_567_890,
      deviceType: 'iPhone',
      user: 'user@contoso.com',
      acceptMultiPart: true,
      saveInSent: false,
    });
  });

  it('in base64 with parameters', () => {
    const query = parseQuery('jQIJBAp2MTQwRGV2aWNlAApTbWFydFBob25lAQE1AwM1OjcHAQE=');
    expect(query).toMatchObject({ command: 'SmartForward', protocolVersion: '14.1', saveInSent: true });
    expect(Object.fromEntries(query.parameters)).toEqual({ CollectionId: '5', ItemId: '5:7' });
  });

  it('in base64 with the sixteen bytes of a GUID as device id', () => {
    const id = Buffer.from('00112233445566778899aabbccddeeff', 'hex');
    const bytes = Buffer.concat([Buffer.from([161, 18, 9, 4, 16]), id, Buffer.from([0, 1, 0x78])]);
    expect(parseQuery(bytes.toString('base64')).deviceId).toBe('00112233445566778899aabbccddeeff');
  });

  it('is read as the phone has written it', () => {
    const text = fc
      .string({ unit: 'binary', minLength: 1, maxLength: 60 })
      .filter((value) => value.isWellFormed());
    const fields = fc.record({
      command: fc.constantFrom('Sync', 'Ping', 'SmartForward', 'ItemOperations', 'Find'),
      user: text,
      deviceId: fc.stringMatching(/^[A-Za-z0-9]{1,32}$/),
      deviceType: fc.stringMatching(/^[A-Za-z0-9]{1,20}$/),
      protocolVersion: fc.constantFrom('12.1', '14.0', '14.1', '16.0', '16.1'),
      policyKey: fc.option(fc.integer({ min: 0, max: 2 ** 32 - 1 }), { nil: undefined }),
      saveInSent: fc.boolean(),
      acceptMultiPart: fc.boolean(),
      parameters: fc.dictionary(fc.constantFrom('CollectionId', 'ItemId', 'LongId'), text),
    });
    fc.assert(
      fc.property(fields, (written) => {
        const { parameters, policyKey, protocolVersion, acceptMultiPart, ...common } = written;
        for (const query of [parseQuery(plainQuery(written)), parseQuery(base64Query(written))]) {
          expect(query).toMatchObject(common);
          expect(Object.fromEntries(query.parameters)).toEqual({ ...parameters });
        }
        const { policyKey: key, ...read } = parseQuery(base64Query(written));
        expect(read).toMatchObject({ protocolVersion, acceptMultiPart });
        expect(key).toBe(policyKey);
      }),
    );
  });

  it.each([
    ['nothing', ''],
    ['no base64', 'a b'],
    ['base64 without padding', 'jAAJBAp2MTQwRGV2aWNlAApTbWFydFBob2'],
    ['another version', Buffer.from([25, 0, 9, 4, 1, 0x61, 0, 1, 0x61]).toString('base64')],
    ['an unknown command', Buffer.from([161, 8, 9, 4, 1, 0x61, 0, 1, 0x61]).toString('base64')],
    ['an empty device id', Buffer.from([161, 0, 9, 4, 0, 0, 1, 0x61]).toString('base64')],
    ['a key of two bytes', Buffer.from([161, 0, 9, 4, 1, 0x61, 2, 0, 0, 1, 0x61]).toString('base64')],
    ['an unknown tag', Buffer.from([161, 0, 9, 4, 1, 0x61, 0, 1, 0x61, 9, 1, 0]).toString('base64')],
    ['a tag that is cut off', Buffer.from([161, 0, 9, 4, 1, 0x61, 0, 1, 0x61, 8, 9, 0]).toString('base64')],
    ['an unknown command in words', 'Cmd=Dance&User=a&DeviceId=b&DeviceType=c'],
    ['a parameter twice', 'Cmd=Sync&Cmd=Ping&User=a&DeviceId=b&DeviceType=c'],
    ['a device id with a dash', 'Cmd=Sync&User=a&DeviceId=b-c&DeviceType=c'],
    ['a parameter without a value', 'Cmd=Sync&User=a&DeviceId=b&DeviceType=c&ItemId'],
    ['SaveInSent that is neither T nor F', 'Cmd=SendMail&User=a&DeviceId=b&DeviceType=c&SaveInSent=1'],
    ['an escape that is no UTF-8', 'Cmd=Sync&User=%ff&DeviceId=b&DeviceType=c'],
  ])('is refused with %s', (_, query) => {
    expect(() => parseQuery(query)).toThrow(QueryError);
  });
});
