import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { brotliCompressSync, deflateSync, gzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { HeaderList } from '../http/headers.ts';
import { Diagnoses } from './diagnoses.ts';
import { EXCHANGE_DIAGNOSES, IDENTITY_PROVIDER_DIAGNOSES, OTHER } from './diagnosis-table.ts';

const ROUTE = 'default/online';
const BLOCKED = {
  error: 'invalid_grant',
  error_description: 'AADSTS53003: Access has been blocked for ann@example.com.\r\nTrace ID: 255d1aef',
  error_codes: [53003],
  trace_id: '255d1aef',
};

class Fixture {
  readonly counted: string[] = [];
  readonly lines: { level: string; event: Record<string, unknown>; message: string }[] = [];
  nowMs = 1000;
  readonly diagnoses = new Diagnoses({
    clock: { now: () => this.nowMs },
    count: (source, reason) => this.counted.push(`${source} ${reason}`),
    log: {
      info: (event: object, message: string) => this.write('info', event, message),
      warn: (event: object, message: string) => this.write('warn', event, message),
    } as never,
  });

  refused(content: unknown, encoding = '', encode = (bytes: Buffer): Buffer => bytes): void {
    const text = typeof content === 'string' ? content : JSON.stringify(content);
    const headers = HeaderList.of(...(encoding === '' ? [] : [['Content-Encoding', encoding] as const]));
    this.diagnoses.identityProviderRefused(ROUTE, { headers, body: encode(Buffer.from(text)) });
  }

  private write(level: string, event: object, message: string): void {
    this.lines.push({ level, event: { ...event }, message });
  }
}

describe('an error of Entra ID', () => {
  test('is counted by its reason and told with what to do, without a name', () => {
    const fixture = new Fixture();
    fixture.refused(BLOCKED);
    expect(fixture.counted).toEqual(['identity-provider conditional-access']);
    const action = IDENTITY_PROVIDER_DIAGNOSES.find(({ reason }) => reason === 'conditional-access')?.action;
    expect(fixture.lines).toEqual([
      {
        level: 'warn',
        message: 'a sign-in failed',
        event: {
          route: ROUTE,
          source: 'identity-provider',
          code: 'AADSTS53003',
          reason: 'conditional-access',
          action,
          more: 0,
        },
      },
    ]);
  });

  test('is known by its description where it has no list of codes', () => {
    const fixture = new Fixture();
    fixture.refused({ ...BLOCKED, error_codes: undefined });
    fixture.refused({ ...BLOCKED, error_codes: [] });
    expect(fixture.counted).toEqual(Array(2).fill('identity-provider conditional-access'));
  });

  test('is known by the first of its codes that is', () => {
    const fixture = new Fixture();
    fixture.refused({ error_codes: [1, 65001, 53003] });
    expect(fixture.counted).toEqual(['identity-provider consent-missing']);
  });

  test.each([
    ['gzip', gzipSync],
    ['deflate', deflateSync],
    ['br', brotliCompressSync],
  ])('is read where it is compressed with %s', (encoding, encode) => {
    const fixture = new Fixture();
    fixture.refused(BLOCKED, encoding, encode);
    expect(fixture.counted).toEqual(['identity-provider conditional-access']);
  });

  test.each([
    ['an unknown code', { error_codes: [99_999] }, 'AADSTS99999'],
    ['an error of AD FS', { error: 'invalid_grant', error_description: 'MSIS9612: …' }, ''],
    ['no JSON', '<html>', ''],
    ['null', 'null', ''],
    ['a code that is none', { error_codes: ['53003', 1.5, {}] }, ''],
  ])('is "other" where it is %s', (_, content, code) => {
    const fixture = new Fixture();
    fixture.refused(content);
    expect(fixture.counted).toEqual(['identity-provider other']);
    expect(fixture.lines[0]?.event).toMatchObject({ code, reason: 'other' });
  });

  test('is not unpacked beyond its bounds', () => {
    const fixture = new Fixture();
    fixture.refused({ ...BLOCKED, padding: ' '.repeat(10_000_000) }, 'gzip', gzipSync);
    fixture.refused({ ...BLOCKED, padding: ' '.repeat(70_000) });
    fixture.refused('not compressed', 'gzip');
    expect(fixture.counted).toEqual(Array(3).fill('identity-provider other'));
  });

  test('that belongs to everyday life is no warning', () => {
    const fixture = new Fixture();
    fixture.refused({ error_codes: [700_082] });
    expect(fixture.lines[0]).toMatchObject({ level: 'info', event: { reason: 'refresh-token-expired' } });
  });
});

describe('x-ms-diagnostics of Exchange', () => {
  test.each([
    [
      `2000003;reason="The audience claim value is invalid 'aud'.";error_category="invalid_resource"`,
      'audience-wrong',
      '2000003',
    ],
    [
      `2000004;reason="The tenant does not exist.";error_category="invalid_tenant"`,
      'tenant-unknown',
      '2000004',
    ],
    [`2000003;reason="x";error_category=invalid_resource`, 'audience-wrong', '2000003'],
    [`4000000;reason="x";error_category="something_new"`, 'other', '4000000'],
    ['12345', 'other', '12345'],
    ['', 'other', ''],
    ['"', 'other', ''],
  ])('%s', (value, reason, code) => {
    const fixture = new Fixture();
    fixture.diagnoses.exchangeRefused(ROUTE, value);
    expect(fixture.counted).toEqual([`exchange ${reason}`]);
    expect(fixture.lines[0]?.event).toMatchObject({ source: 'exchange', reason, code });
    expect(JSON.stringify(fixture.lines)).not.toContain('The audience claim');
  });
});

describe('the log', () => {
  test('has a line for each reason and route once a minute, with the number of those left out', () => {
    const fixture = new Fixture();
    for (let i = 0; i < 5; i++) fixture.refused(BLOCKED);
    fixture.refused({ error_codes: [65_001] });
    fixture.diagnoses.identityProviderRefused('default/other', {
      headers: new HeaderList(),
      body: Buffer.from(JSON.stringify(BLOCKED)),
    });
    expect(fixture.lines.map(({ event }) => [event.route, event.reason])).toEqual([
      [ROUTE, 'conditional-access'],
      [ROUTE, 'consent-missing'],
      ['default/other', 'conditional-access'],
    ]);
    fixture.nowMs += 60_000;
    fixture.refused(BLOCKED);
    expect(fixture.lines.at(-1)?.event).toMatchObject({ reason: 'conditional-access', more: 4 });
    expect(fixture.counted).toHaveLength(8);
  });

  test('forgets routes of which nothing was said for ten minutes', () => {
    const fixture = new Fixture();
    fixture.refused(BLOCKED);
    fixture.refused(BLOCKED);
    fixture.nowMs += 600_000;
    fixture.refused({ error_codes: [65_001] });
    fixture.refused(BLOCKED);
    expect(fixture.lines.at(-1)?.event).toMatchObject({ reason: 'conditional-access', more: 0 });
  });
});

describe('the table of errors', () => {
  const sources = [IDENTITY_PROVIDER_DIAGNOSES, EXCHANGE_DIAGNOSES];

  test('names each code, category and reason once', () => {
    const codes = IDENTITY_PROVIDER_DIAGNOSES.flatMap((diagnosis) => diagnosis.codes);
    expect(new Set(codes).size).toBe(codes.length);
    for (const diagnoses of sources) {
      const reasons = diagnoses.map(({ reason }) => reason);
      expect(new Set(reasons).size).toBe(reasons.length);
      for (const reason of reasons) expect(reason).toMatch(/^[a-z][a-z0-9-]*$/);
    }
  });

  /** `UPDATE_GOLDEN=1` writes it. */
  test('stands in docs/tasks/troubleshoot.md', () => {
    const file = join(import.meta.dirname, '../../docs/tasks/troubleshoot.md');
    const text = readFileSync(file, 'utf8');
    const [begin, end] = ['<!-- sign-in errors: written by diagnoses.test.ts -->\n', '<!-- end -->\n'];
    const start = text.indexOf(begin) + begin.length;
    const written = text.slice(start, text.indexOf(end, start));
    if (process.env.UPDATE_GOLDEN) {
      writeFileSync(file, text.slice(0, start) + tables() + text.slice(start + written.length));
    }
    expect(process.env.UPDATE_GOLDEN ? tables() : written).toBe(tables());
  });
});

function tables(): string {
  const everyday = (is?: true): string => (is ? ' (everyday)' : '');
  const rows = [
    '',
    '| `source="identity-provider"`, reason | AADSTS… | what to do |',
    '|---|---|---|',
    ...IDENTITY_PROVIDER_DIAGNOSES.map(
      ({ reason, codes, action, everyday: is }) =>
        `| \`${reason}\`${everyday(is)} | ${codes.join(', ')} | ${action} |`,
    ),
    `| \`${OTHER.reason}\` | all others, and other identity providers | ${OTHER.action} |`,
    '',
    '| `source="exchange"`, reason | `error_category` | what to do |',
    '|---|---|---|',
    ...EXCHANGE_DIAGNOSES.map(
      ({ reason, category, action, everyday: is }) =>
        `| \`${reason}\`${everyday(is)} | \`${category}\` | ${action} |`,
    ),
    `| \`${OTHER.reason}\` | all others | ${OTHER.action} |`,
    '',
  ];
  return `${rows.join('\n')}\n`;
}
