// What a refused phone is told, for every command, version and reason, as libwbxml reads it.
import { describe, expect, test } from 'vitest';
import { type Command, COMMANDS } from '../../../gateway/eas/commands.ts';
import { type Refusal, refusalAnswer, REFUSAL_REASONS, wipeAnswer } from '../../../gateway/eas/refusals.ts';
import { headersOf, refused } from '../../../gateway/pipeline/own-answers.ts';
import { decode } from '../../peers/wbxml/decode.ts';
import { element } from '../../peers/wbxml/element.ts';
import { decodeTree } from './libwbxml.ts';

const OLD = ['', '2.5', '12.0', '12.1', 'x'];
const NEW = ['14.0', '14.1', '16.0', '16.1'];

const EXPECTED: Readonly<Record<Refusal, readonly [http: number, status: string | undefined]>> = {
  Blocked: [403, '129'],
  AccessDenied: [403, '130'],
  WipeRequested: [449, '140'],
  NotProvisioned: [449, '142'],
  PolicyRefresh: [449, '143'],
  InvalidPolicyKey: [449, '144'],
  TooManyDevices: [403, '177'],
  VersionNotSupported: [400, '138'],
  ServerErrorRetryLater: [503, '111'],
  Busy: [503, undefined],
};
/** Code page and root where they are not called as the command. */
const PAGES: Partial<Record<Command, string>> = {
  Sync: 'AirSync',
  SendMail: 'ComposeMail',
  SmartForward: 'ComposeMail',
  SmartReply: 'ComposeMail',
  FolderSync: 'FolderHierarchy',
  FolderCreate: 'FolderHierarchy',
  FolderDelete: 'FolderHierarchy',
  FolderUpdate: 'FolderHierarchy',
  MoveItems: 'Move',
};
/** GetAttachment has no answer in WBXML. */
const IN_WBXML = COMMANDS.filter((command) => command !== 'GetAttachment');

describe.each(REFUSAL_REASONS)('the refusal %s', (reason) => {
  const [http] = EXPECTED[reason];

  test.each(OLD)('is an HTTP status for version %j, whatever the command', (version) => {
    for (const command of [...COMMANDS, '', 'Unknown'] as const) {
      expect(refusalAnswer(reason, command, version)).toMatchObject({ status: http, contentType: '' });
    }
  });

  test.each(['GetAttachment', '', 'Unknown'] as const)(
    'is an HTTP status for %j of any version',
    (command) => {
      for (const version of NEW) expect(refusalAnswer(reason, command, version).status).toBe(http);
    },
  );

  test('asks to come back where it is a 503, and nowhere else', () => {
    for (const version of [...OLD, ...NEW]) {
      const own = refused(reason, 'Sync', version);
      expect(headersOf(own).has('retry-after')).toBe(own.status === 503);
    }
  });
});

describe.each(REFUSAL_REASONS.filter((reason) => reason !== 'Busy'))('the refusal %s', (reason) => {
  const status = String(EXPECTED[reason][1]);

  test.each(NEW)('is a Status in the root of every command of %s', (version) => {
    for (const command of IN_WBXML) {
      const answer = refusalAnswer(reason, command, version);
      expect(answer).toMatchObject({ status: 200, contentType: 'application/vnd.ms-sync.wbxml' });
    }
  });

  test('is read by libwbxml as the Status right below the root', () => {
    for (const command of IN_WBXML.filter((one) => one !== 'Find')) {
      const page = PAGES[command] ?? command;
      expect(decodeTree(refusalAnswer(reason, command, '16.1').body)).toEqual({
        name: `${page}:${command}`,
        content: [{ name: `${page}:Status`, content: [status] }],
      });
    }
  });

  test('is read by the peers for Find, which libwbxml does not know', () => {
    const answer = element('Find:Find', element('Find:Status', status));
    expect(decode(refusalAnswer(reason, 'Find', '16.1').body)).toEqual(answer);
  });
});

test('a busy gateway is an HTTP status for every version', () => {
  for (const version of NEW) {
    for (const command of IN_WBXML) expect(refusalAnswer('Busy', command, version).status).toBe(503);
  }
});

test('a refusal says in its text what is the matter, where nothing else does', () => {
  for (const reason of REFUSAL_REASONS) {
    expect(refused(reason, 'Sync', '12.1').body.toString()).toMatch(/^[A-Z].*\.\n$/);
  }
});

test('a phone that is to wipe itself is told so by Provision', () => {
  expect(decodeTree(wipeAnswer(false).body)).toEqual({
    name: 'Provision:Provision',
    content: [
      { name: 'Provision:Status', content: ['1'] },
      { name: 'Provision:RemoteWipe', content: [] },
    ],
  });
  expect(decode(wipeAnswer(true).body)).toEqual(
    element(
      'Provision:Provision',
      element('Provision:Status', '1'),
      element('Provision:AccountOnlyRemoteWipe'),
    ),
  );
});
