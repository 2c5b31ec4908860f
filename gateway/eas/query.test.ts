import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { COMMANDS } from './commands.ts';
import { parseQuery, type Query, type QueryError } from './query.ts';

function query(text: string): Query {
  const result = parseQuery(text);
  if (typeof result === 'string') throw new Error(`${text}: ${result}`);
  return result;
}

const V16 =
  'oRMJBCBBQkNERUYwMTIzNDU2Nzg5QUJDREVGMDEyMzQ1Njc4OQTSApZJBmlQaG9uZQcBAggQdXNlckBjb250b3NvLmNvbQ==';

describe('a base64 query', () => {
  test('of 14.0 names command, locale, device and no user', () => {
    expect(query('jAAJBAp2MTQwRGV2aWNlAApTbWFydFBob25l')).toMatchObject({
      encoding: 'Base64',
      version: '14.0',
      command: 'Sync',
      locale: 0x0409,
      deviceId: 'v140device',
      policyKey: undefined,
      deviceType: 'SmartPhone',
      user: '',
    });
  });

  test('of 16.1 holds policy key, options and user', () => {
    expect(query(V16)).toMatchObject({
      version: '16.1',
      command: 'ItemOperations',
      deviceId: 'abcdef0123456789abcdef0123456789',
      policyKey: 1234567890,
      deviceType: 'iPhone',
      acceptMultiPart: true,
      saveInSent: false,
      user: 'user@contoso.com',
    });
  });

  test('of 14.1 holds collection, item and SaveInSent', () => {
    expect(query('jQIJBAp2MTQwRGV2aWNlAApTbWFydFBob25lAQE1AwM1OjcHAQE=')).toMatchObject({
      version: '14.1',
      command: 'SmartForward',
      collectionId: '5',
      itemId: '5:7',
      saveInSent: true,
      acceptMultiPart: false,
    });
  });

  test('may have percent-encoded plus, slash and equals signs, in either case', () => {
    const bytes = base64Query({ deviceType: '\u{7bfb}\u{7bff}??>>>' });
    const plain = bytes.toString('base64');
    expect(plain).toMatch(/\+/);
    expect(plain).toMatch(/\//);
    expect(plain).toMatch(/=$/);
    expect(query(encodeURIComponent(plain))).toEqual(query(plain));
    expect(query(encodeURIComponent(plain).replaceAll('%2B', '%2b').replaceAll('%3D', '%3d'))).toEqual(
      query(plain),
    );
  });

  test('may lack its padding', () => {
    expect(query(V16.replaceAll('=', ''))).toEqual(query(V16));
  });

  test('prints 16 raw bytes of a GUID as hex', () => {
    const deviceId = Buffer.from('00112233445566778899aabbccddeeff', 'hex');
    expect(query(base64Query({ deviceId }).toString('base64')).deviceId).toBe(
      '00112233445566778899aabbccddeeff',
    );
  });

  test('keeps an id of 16 letters and digits as it is', () => {
    const deviceId = Buffer.from('abcdefgh12345678');
    expect(query(base64Query({ deviceId }).toString('base64')).deviceId).toBe('abcdefgh12345678');
  });

  test('knows every command code', () => {
    const codes = Array.from(
      { length: 256 },
      (_, code) => query(base64Query({ command: code }).toString('base64')).command,
    );
    expect(codes.filter((command) => command !== 'Unknown')).toEqual(COMMANDS);
    expect(codes[5]).toBe('Unknown');
    expect(codes[24]).toBe('Unknown');
  });

  test.each<[string, Buffer, QueryError]>([
    ['of an unknown version', base64Query({ version: 99 }), 'UnknownVersion'],
    ['with an empty device id', base64Query({ deviceId: Buffer.alloc(0) }), 'BadDevice'],
    [
      'with control characters in its device id',
      base64Query({ deviceId: Buffer.from('a\r\nb') }),
      'BadDevice',
    ],
    ['with an empty device type', base64Query({ deviceType: '' }), 'BadDevice'],
    ['with a policy key of 2 bytes', base64Query({ key: Buffer.from([1, 2]) }), 'BadPolicyKey'],
    ['with an unknown parameter', base64Query({ parameters: Buffer.from([9, 1, 65]) }), 'UnknownParameter'],
    [
      'with parameter 2, which does not exist',
      base64Query({ parameters: Buffer.from([2, 1, 65]) }),
      'UnknownParameter',
    ],
    ['with two users', base64Query({ parameters: Buffer.from([8, 1, 65, 8, 1, 66]) }), 'DuplicateParameter'],
    ['with options of two bytes', base64Query({ parameters: Buffer.from([7, 2, 1, 1]) }), 'UnknownParameter'],
    [
      'with a line break in the user',
      base64Query({ parameters: Buffer.from([8, 2, 10, 65]) }),
      'BadCharacter',
    ],
  ])('%s is refused', (_, bytes, error) => {
    expect(parseQuery(bytes.toString('base64'))).toBe(error);
  });

  test('that is cut anywhere is refused or is the fixed part alone', () => {
    const whole = base64Query({ parameters: Buffer.from([8, 4, 0x75, 0x73, 0x65, 0x72]) });
    const fixed = whole.length - 6;
    for (let length = 1; length < whole.length; length++) {
      if (length === fixed) continue;
      expect(parseQuery(whole.subarray(0, length).toString('base64'))).toBe('Truncated');
    }
    expect(query(whole.subarray(0, fixed).toString('base64')).user).toBe('');
  });
});

describe('a plain query', () => {
  test('names command, user, device and parameters', () => {
    expect(
      query(
        'Cmd=SmartForward&User=a%40b.de&DeviceId=ApplXYZ&DeviceType=iPhone&ItemId=5%3a7&CollectionId=5&SaveInSent=T',
      ),
    ).toMatchObject({
      encoding: 'Plain',
      version: '',
      command: 'SmartForward',
      user: 'a@b.de',
      deviceId: 'applxyz',
      deviceType: 'iPhone',
      itemId: '5:7',
      collectionId: '5',
      saveInSent: true,
    });
  });

  test('may hold its parameters in any order and case', () => {
    expect(query('DEVICETYPE=SP&deviceid=X1&cmd=ping&USER=DOM%5cann')).toMatchObject({
      command: 'Ping',
      user: 'DOM\\ann',
      deviceId: 'x1',
    });
  });

  test('of a command that we do not know is left to Exchange', () => {
    expect(query('Cmd=GetHierarchy&User=a&DeviceId=1&DeviceType=P').command).toBe('Unknown');
  });

  test('with escapes that are no UTF-8 is understood as far as possible', () => {
    expect(query('Cmd=Ping&User=M%FCller&DeviceId=1&DeviceType=P').user).toBe('M\u{fffd}ller');
  });

  test.each<[string, QueryError]>([
    ['', 'EmptyQuery'],
    ['&&&', 'MissingCommand'],
    ['User=a&DeviceId=1&DeviceType=P', 'MissingCommand'],
    ['Cmd=&User=a&DeviceId=1&DeviceType=P', 'BadCommand'],
    ['Cmd=Pi%20ng&User=a&DeviceId=1&DeviceType=P', 'BadCommand'],
    ['Cmd=Ping&User=a&DeviceType=P', 'MissingDevice'],
    ['Cmd=Ping&User=a&DeviceId=1', 'MissingDevice'],
    ['Cmd=Ping&User=a&DeviceId=a%0d%0ab&DeviceType=P', 'BadCharacter'],
    ['Cmd=Ping&User=a&DeviceId=a%20b&DeviceType=P', 'BadDevice'],
    [`Cmd=Ping&User=a&DeviceId=${'x'.repeat(65)}&DeviceType=P`, 'BadDevice'],
    ['Cmd=Ping&Cmd=SendMail&User=a&DeviceId=1&DeviceType=P', 'DuplicateParameter'],
    ['Cmd=Ping&cmd=SendMail&User=a&DeviceId=1&DeviceType=P', 'DuplicateParameter'],
    ['Cmd=Ping&%43md=SendMail&User=a&DeviceId=1&DeviceType=P', 'BadCharacter'],
    ['Cmd=Ping&User=a&User=b&DeviceId=1&DeviceType=P', 'DuplicateParameter'],
    ['Cmd=Ping&User=%zz&DeviceId=1&DeviceType=P', 'BadEscape'],
    ['Cmd=Ping&User=100%&DeviceId=1&DeviceType=P', 'BadEscape'],
    [`Cmd=Ping&User=${'a'.repeat(10_000)}&DeviceId=1&DeviceType=P`, 'QueryTooLong'],
    [`Cmd=Ping&User=${'a'.repeat(400)}&DeviceId=1&DeviceType=P`, 'QueryTooLong'],
  ])('%j is refused', (text, error) => {
    expect(parseQuery(text)).toBe(error);
  });
});

describe('any text', () => {
  test('gives a query or a code, and never throws', () => {
    const texts = fc.oneof(
      fc.string({ unit: 'binary', maxLength: 400 }),
      fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes).toString('base64')),
      fc
        .uint8Array({ maxLength: 60 })
        .map((tail) => base64Query({ parameters: Buffer.from(tail) }).toString('base64')),
      fc
        .array(fc.constantFrom('Cmd', 'User', 'DeviceId', '=', '&', '%', '+', 'Ping', '%4', '%41'), {
          maxLength: 30,
        })
        .map((parts) => parts.join('')),
    );
    fc.assert(
      fc.property(texts, (text) => {
        const result = parseQuery(text);
        const understood =
          typeof result === 'string'
            ? /^[A-Z]\w+$/.test(result)
            : /^[!-~]{1,64}$/.test(result.deviceId) && result.deviceType !== '';
        expect(understood).toBe(true);
      }),
      { numRuns: 2000 },
    );
  });

  test('that was encoded is understood: base64 and plain queries survive a round trip', () => {
    const names = fc.string({
      unit: fc.constantFrom(...Array.from('abcXYZ09@.-_\\ü語')),
      minLength: 1,
      maxLength: 20,
    });
    fc.assert(
      fc.property(names, fc.constantFrom(...COMMANDS), fc.nat(0xffffffff), (user, command, key) => {
        const userBytes = Buffer.from(user);
        const policy = Buffer.alloc(4);
        policy.writeUInt32LE(key);
        const bytes = base64Query({
          key: policy,
          parameters: Buffer.concat([Buffer.from([8, userBytes.length]), userBytes]),
        });
        expect(query(bytes.toString('base64'))).toMatchObject({ user, policyKey: key });
        const plain = `Cmd=${command}&User=${encodeURIComponent(user)}&DeviceId=d1&DeviceType=${encodeURIComponent(user)}`;
        expect(query(plain)).toMatchObject({ user, command, deviceType: user });
      }),
    );
  });
});

interface Base64Parts {
  version?: number;
  command?: number;
  deviceId?: Buffer;
  key?: Buffer;
  deviceType?: string;
  parameters?: Buffer;
}

function base64Query(parts: Base64Parts): Buffer {
  const { version = 161, command = 18, deviceId = Buffer.from('Device1'), key = Buffer.alloc(0) } = parts;
  const type = Buffer.from(parts.deviceType ?? 'iPhone');
  return Buffer.concat([
    Buffer.from([version, command, 0x09, 0x04, deviceId.length]),
    deviceId,
    Buffer.from([key.length]),
    key,
    Buffer.from([type.length]),
    type,
    parts.parameters ?? Buffer.alloc(0),
  ]);
}
