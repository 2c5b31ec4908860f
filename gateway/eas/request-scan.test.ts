import { execFileSync } from 'node:child_process';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { COMMANDS, type Command } from './commands.ts';
import { drainAnswer, isPoll } from './drain-answer.ts';
import { mayReplay } from './replay.ts';
import { type RequestScan, scanRequest as scanPieces } from './request-scan.ts';

const scanRequest = (command: Command, body: Buffer): RequestScan => scanPieces(command, [body]);
const hex = (text: string): Buffer => Buffer.from(text.replaceAll(/\s/g, ''), 'hex');
const PROLOGUE = '03016A00';
const str = (text: string): string => `03${Buffer.from(text).toString('hex')}00`;

/** Sync with one collection; `inside` goes into it, `after` behind the collections. */
const sync = (inside: string, after: string, key = '{1}2'): Buffer =>
  hex(`${PROLOGUE} 45 5C 4F 4B ${str(key)} 01 52 ${str('5')} 01 ${inside} 01 01 ${after} 01`);
const COMMANDS_HEX = `56 49 4D ${str('5:1')} 01 01 01`;
const WAIT_10 = `64 ${str('10')} 01`;
const HEARTBEAT_480 = `69 ${str('480')} 01`;
const ping = (heartbeat: string): Buffer =>
  hex(`${PROLOGUE} 000D 45 48 ${str(heartbeat)} 01 49 4A 4B ${str('5')} 01 4C ${str('Email')} 01 01 01 01`);
const FETCH = hex(
  `${PROLOGUE} 0014 45 46 47 ${str('Mailbox')} 01 0000 52 ${str('5')} 01 4D ${str('5:1')} 01 01 01`,
);
const EMPTY_FOLDER = hex(`${PROLOGUE} 0014 45 52 0000 52 ${str('5')} 01 01 01`);

/** The document as an independent decoder reads it. */
const decode = (bytes: Buffer): string =>
  execFileSync('wbxml2xml', ['-l', 'ACTIVESYNC', '-o', '-', '-'], {
    input: bytes,
    stdio: ['pipe', 'pipe', 'ignore'],
  }).toString();

/** What the scan ought to find in a Sync, by an independent decoder. */
function decodedFacts(body: Buffer): { commands: boolean; waitSeconds: number | undefined } {
  const xml = decode(body);
  const found = /<(Wait|HeartbeatInterval)>(\d+)</.exec(xml);
  const waitSeconds = found === null ? undefined : Number(found[2]) * (found[1] === 'Wait' ? 60 : 1);
  return { commands: xml.includes('<Commands>'), waitSeconds };
}

const answer = (command: Command, body: Buffer): ReturnType<typeof drainAnswer> =>
  drainAnswer(command, scanRequest(command, body));

describe('the scan of a request', () => {
  test('finds the heartbeat of a Ping', () => {
    expect(scanRequest('Ping', ping('480'))).toMatchObject({ empty: false, waitSeconds: 480 });
  });

  test('finds HeartbeatInterval and Wait (in minutes) of a Sync', () => {
    expect(scanRequest('Sync', sync('', HEARTBEAT_480))).toMatchObject({ waitSeconds: 480, commands: false });
    expect(scanRequest('Sync', sync('', WAIT_10))).toMatchObject({ waitSeconds: 600 });
    expect(scanRequest('Sync', sync('', ''))).toMatchObject({ waitSeconds: undefined });
  });

  test('finds Commands of a Sync, wherever they are', () => {
    expect(scanRequest('Sync', sync(COMMANDS_HEX, WAIT_10))).toMatchObject({ commands: true });
    expect(scanRequest('Sync', sync('', WAIT_10))).toMatchObject({ commands: false });
  });

  test('finds the first Sync of a folder', () => {
    expect(scanRequest('Sync', sync('', WAIT_10, '0'))).toMatchObject({ initial: true });
  });

  test('tells ItemOperations that fetch from those that change something', () => {
    expect(scanRequest('ItemOperations', FETCH)).toMatchObject({ fetchOnly: true });
    expect(scanRequest('ItemOperations', EMPTY_FOLDER)).toMatchObject({ fetchOnly: false });
    const both = Buffer.concat([FETCH.subarray(0, -1), EMPTY_FOLDER.subarray(7)]);
    expect(scanRequest('ItemOperations', both)).toMatchObject({ fetchOnly: false });
  });

  test('takes no body for the repetition of a cached Ping or Sync, and of nothing else', () => {
    expect(scanRequest('Ping', Buffer.alloc(0))).toMatchObject({ empty: true });
    expect(scanRequest('Sync', Buffer.alloc(0))).toMatchObject({ empty: true });
    expect(scanRequest('ItemOperations', Buffer.alloc(0))).toBe('Unknown');
  });

  test.each<[string, Command, Buffer]>([
    ['a Ping where a Sync was announced', 'Sync', ping('480')],
    ['bytes after the root', 'Ping', Buffer.concat([ping('480'), Buffer.from([0x45])])],
    ['a second root', 'Ping', hex(`${PROLOGUE} 000D 05 05`)],
    ['an END too many', 'Ping', hex(`${PROLOGUE} 000D 45 01 01`)],
    ['a WBXML version 1.2', 'Ping', hex('02016A00 000D 05')],
    ['a string table', 'Ping', hex('03016A02 4100 000D 05')],
    ['another character set', 'Ping', hex('03010400 000D 05')],
    ['an attribute', 'Ping', hex(`${PROLOGUE} 000D C5 01 01`)],
    ['a reference into the string table', 'Ping', hex(`${PROLOGUE} 000D 45 48 8300 01 01`)],
    ['an entity', 'Ping', hex(`${PROLOGUE} 000D 45 48 0230 01 01`)],
    ['text outside the root', 'Ping', hex(`${PROLOGUE} ${str('x')} 000D 05`)],
    ['opaque data beyond the end', 'Ping', hex(`${PROLOGUE} 000D 45 C3 05 4142`)],
    ['an opaque length without end', 'Ping', hex(`${PROLOGUE} 000D 45 C3 FFFFFFFFFF 01`)],
    ['a heartbeat that is no number', 'Ping', ping('-1')],
    ['two heartbeats', 'Sync', sync('', HEARTBEAT_480 + WAIT_10)],
    ['33 levels', 'Sync', hex(`${PROLOGUE} ${'45'.repeat(33)} ${'01'.repeat(33)}`)],
    ['more than 64 KiB', 'Ping', Buffer.concat([ping('480'), Buffer.alloc(65_536)])],
    ['plain XML', 'Ping', Buffer.from('<?xml version="1.0"?><Ping/>')],
    ['only a prologue', 'Ping', hex(PROLOGUE)],
  ])('does not understand %s', (_, command, body) => {
    expect(scanRequest(command, body)).toBe('Unknown');
  });

  test('does not understand a document that is cut anywhere', () => {
    for (const [command, body] of [
      ['Ping', ping('480')],
      ['Sync', sync(COMMANDS_HEX, WAIT_10)],
      ['ItemOperations', FETCH],
    ] as const) {
      for (let length = 1; length < body.length; length++) {
        expect(scanRequest(command, body.subarray(0, length))).toBe('Unknown');
      }
    }
  });

  test('never throws, whatever the bytes', () => {
    const bodies = fc.oneof(
      fc.uint8Array({ maxLength: 200 }),
      fc
        .array(fc.constantFrom(0, 1, 3, 0x45, 0x48, 0x49, 0x0d, 0x14, 0x56, 0xc3, 0x30, 0x05), {
          maxLength: 60,
        })
        .map((bytes) => Uint8Array.from([3, 1, 0x6a, 0, ...bytes])),
    );
    fc.assert(
      fc.property(bodies, fc.constantFrom(...COMMANDS), (bytes, command) => {
        const scan = scanRequest(command, Buffer.from(bytes));
        expect(scan === 'Unknown' || typeof scan === 'object').toBe(true);
      }),
      { numRuns: 3000 },
    );
  });

  test('of any tree sees Commands and waits exactly where an independent decoder sees them', () => {
    const wait = fc.tuple(fc.constantFrom('64', '69'), fc.integer({ min: 1, max: 3540 }));
    const bodies = fc
      .tuple(fc.boolean(), fc.option(wait))
      .map(([commands, asked]) =>
        sync(commands ? COMMANDS_HEX : '', asked === null ? '' : `${asked[0]} ${str(String(asked[1]))} 01`),
      );
    fc.assert(
      fc.property(bodies, (body) => {
        expect(scanRequest('Sync', body)).toMatchObject(decodedFacts(body));
      }),
      { numRuns: 25 },
    );
  });

  test('agrees with an independent decoder on Ping and ItemOperations', () => {
    expect(decode(ping('480'))).toMatch(/<Ping[\s\S]*<HeartbeatInterval>480</);
    expect(decode(FETCH)).toMatch(/<ItemOperations[\s\S]*<Fetch>/);
    expect(decode(EMPTY_FOLDER)).toMatch(/<EmptyFolderContents>/);
  });
});

describe('the answer that ends a poll', () => {
  test('is Status 1 for a Ping, as an independent decoder reads it', () => {
    const ended = answer('Ping', ping('480'));
    expect(ended?.contentType).toBe('application/vnd.ms-sync.wbxml');
    expect(ended?.body.toString('hex')).toBe('03016a00000d45470331000101');
    expect(decode(ended?.body ?? Buffer.alloc(0))).toMatch(/<Ping[^>]*>\s*<Status>1<\/Status>\s*<\/Ping>/);
    expect(answer('Ping', Buffer.alloc(0))).toEqual(ended);
  });

  test('is empty for a Sync that waits without Commands, and for an empty Sync', () => {
    for (const body of [sync('', WAIT_10), sync('', HEARTBEAT_480), Buffer.alloc(0)]) {
      expect(answer('Sync', body)).toEqual({ contentType: '', body: Buffer.alloc(0) });
    }
  });

  test.each<[string, Command, Buffer]>([
    ['a Sync with Commands', 'Sync', sync(COMMANDS_HEX, WAIT_10)],
    ['a Sync that does not wait', 'Sync', sync('', '')],
    ['the first Sync of a folder', 'Sync', sync('', WAIT_10, '0')],
    ['a Sync that is not understood', 'Sync', Buffer.from('garbage')],
    ['a Ping that is not understood', 'Ping', Buffer.from('garbage')],
    ['a fetch', 'ItemOperations', FETCH],
    ['a SendMail', 'SendMail', Buffer.alloc(0)],
  ])('does not exist for %s', (_, command, body) => {
    expect(answer(command, body)).toBeUndefined();
  });

  test('a poll is a Ping, a Sync that waits (with Commands too) or an empty one', () => {
    expect(isPoll('Ping', 'Unknown')).toBe(true);
    expect(isPoll('Sync', scanRequest('Sync', sync(COMMANDS_HEX, WAIT_10)))).toBe(true);
    expect(isPoll('Sync', scanRequest('Sync', Buffer.alloc(0)))).toBe(true);
    expect(isPoll('Sync', scanRequest('Sync', sync('', '')))).toBe(false);
    expect(isPoll('Sync', 'Unknown')).toBe(false);
    expect(isPoll('FolderSync', 'Unknown')).toBe(false);
  });
});

describe('the replay list', () => {
  const bodies: Partial<Record<Command, RequestScan>> = {
    Sync: scanRequest('Sync', sync('', WAIT_10)),
    ItemOperations: scanRequest('ItemOperations', FETCH),
  };

  test('holds exactly the commands that change nothing when done twice', () => {
    expect(COMMANDS.filter((command) => mayReplay(command, bodies[command] ?? 'Unknown'))).toEqual([
      'Sync',
      'FolderSync',
      'GetItemEstimate',
      'Search',
      'Settings',
      'Ping',
      'ItemOperations',
      'ResolveRecipients',
      'Find',
    ]);
  });

  test('excludes a Sync with Commands, ItemOperations that change something, and what is not understood', () => {
    expect(mayReplay('Sync', scanRequest('Sync', sync(COMMANDS_HEX, '')))).toBe(false);
    expect(mayReplay('ItemOperations', scanRequest('ItemOperations', EMPTY_FOLDER))).toBe(false);
    expect(mayReplay('Sync', 'Unknown')).toBe(false);
    expect(mayReplay('ItemOperations', 'Unknown')).toBe(false);
    expect(mayReplay('Unknown', 'Unknown')).toBe(false);
  });
});
