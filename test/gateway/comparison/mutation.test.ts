// The comparison can fail: a gateway that loses, changes, adds or moves anything turns its cases red, and the message names it.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type ComparisonCase, COMPARISON_CASES } from './cases.ts';
import { Comparison, differences } from './comparison.ts';
import type { Line } from './message.ts';
import type { Meddling } from './recorder.ts';

const caseOf = (name: string): ComparisonCase => {
  const found = COMPARISON_CASES.find((each) => each.name === name);
  if (found === undefined) throw new RangeError(`no case ${name}`);
  return found;
};

/** Framing and what a connection keeps to itself are the gateway's to write. */
const OF_THE_GATEWAY = /^(?:host|connection|content-length|transfer-encoding)$/i;

describe('a faulty gateway', () => {
  let comparison: Comparison;

  beforeAll(async () => {
    comparison = await Comparison.start();
  });

  afterAll(async () => {
    await comparison.stop();
  });

  const told = async (each: ComparisonCase, meddling: Meddling): Promise<string> =>
    differences(await comparison.run(each, meddling)).join('\n');

  const sync = caseOf('ios-mail: Sync 16.1 plain');
  const cookies = caseOf('ios-mail: FolderSync 16.1 plain, answer with five cookies');
  const change = (lines: readonly Line[], at: number, to: readonly Line[]): Line[] =>
    lines.toSpliced(at, 1, ...to);

  test.each(sync.request.lines.map(([name]) => name).filter((name) => !OF_THE_GATEWAY.test(name)))(
    'that loses or changes the line %s of a request is found out',
    async (name) => {
      const meddle = (to: (line: Line) => Line[]): Meddling => ({
        request: (request) => {
          const at = request.lines.findIndex(([each]) => each === name);
          return { ...request, lines: change(request.lines, at, to(request.lines[at] as Line)) };
        },
      });
      expect(
        await told(
          sync,
          meddle(() => []),
        ),
      ).toContain(`the request lost the line "${name}: `);
      expect(
        await told(
          sync,
          meddle(([, value]) => [[name, `${value}x`]]),
        ),
      ).toContain('the request gained the line');
      expect(
        await told(
          sync,
          meddle(([, value]) => [[name.toUpperCase() + '2', value]]),
        ),
      ).not.toBe('');
    },
  );

  test.each(
    cookies.answer.lines
      .map(([name], at) => [at, name] as const)
      .filter(([, name]) => !OF_THE_GATEWAY.test(name)),
  )('that loses or changes line %i, %s, of an answer is found out', async (at, name) => {
    const meddle = (to: (line: Line) => Line[]): Meddling => ({
      answer: (answer) => ({ ...answer, lines: change(answer.lines, at, to(answer.lines[at] as Line)) }),
    });
    expect(
      await told(
        cookies,
        meddle(() => []),
      ),
    ).toContain(`the answer lost the line "${name}: `);
    expect(
      await told(
        cookies,
        meddle(([, value]) => [[name, `${value}x`]]),
      ),
    ).toContain('the answer gained the line');
    expect(
      await told(
        cookies,
        meddle((line) => [line, line]),
      ),
    ).toContain('the answer gained the line');
  });

  // Each case once: who is refused again and again is held back by the gateway itself.
  test.each(['Bearer', 'Bearer, then Basic', 'claims of continuous access evaluation', 'Basic alone'])(
    'that spoils one of the challenges of a 401 with %s is found out',
    async (what) => {
      const spoiled = await told(caseOf(`ios-mail: FolderSync 16.1 plain, 401 with ${what}`), {
        answer: (answer) => ({
          ...answer,
          lines: answer.lines.map(([name, value]) => [
            name,
            name === 'WWW-Authenticate' ? `${value} ,x` : value,
          ]),
        }),
      });
      expect(spoiled).toContain('the answer lost the line "WWW-Authenticate: ');
    },
  );

  test('that moves a line is found out', async () => {
    const moved = await told(sync, {
      request: (request) => ({
        ...request,
        lines: [...request.lines.slice(2), ...request.lines.slice(0, 2)],
      }),
    });
    expect(moved).toContain("order of the request's lines");
  });

  test.each([0, 5, 40])('that changes byte %i of a body is found out', async (at) => {
    const spoil = (body: Buffer): Buffer => {
      const copy = Buffer.from(body);
      copy[at] = (copy[at] ?? 0) ^ 1;
      return copy;
    };
    expect(await told(sync, { request: (each) => ({ ...each, body: spoil(each.body) }) })).toContain(
      `the request's body differs from byte ${at} on`,
    );
    expect(await told(sync, { answer: (each) => ({ ...each, body: spoil(each.body) }) })).toContain(
      `the answer's body differs from byte ${at} on`,
    );
  });

  test('that changes the query, the method, a status or a reason is found out', async () => {
    expect(
      await told(sync, { request: (each) => ({ ...each, target: each.target.replace('%40', '@') }) }),
    ).toContain('target');
    expect(await told(sync, { request: (each) => ({ ...each, method: 'PUT' }) })).toContain('method');
    expect(await told(sync, { answer: (each) => ({ ...each, status: 201 }) })).toContain('status');
    expect(await told(sync, { answer: (each) => ({ ...each, reason: 'Okay' }) })).toContain('reason');
  });

  test('that turns chunks into a length is found out', async () => {
    const chunked = caseOf('ios-mail: Sync 16.1 plain, answer in chunks');
    const counted = await told(chunked, {
      answer: (each) => ({
        ...each,
        lines: [...each.lines.slice(0, -1), ['Content-Length', String(each.body.length)]],
      }),
    });
    expect(counted).toContain('framing of the answer');
  });
});

test('names of cases are unique, and each emits what its bytes say', () => {
  expect(new Set(COMPARISON_CASES.map(({ name }) => name)).size).toBe(COMPARISON_CASES.length);
  const { emits } = caseOf('legacy: SmartReply 12.1 plain');
  expect(emits.request.parameters).toEqual(
    expect.arrayContaining([
      ['Cmd', 'SmartReply'],
      ['SaveInSent', 'T'],
      ['ItemId', '5:7'],
    ]),
  );
  const provision = caseOf('email-plus: Provision 16.1 base64').emits;
  expect(provision.request.parameters).toContainEqual(['Version', '16.1']);
  expect(provision.answer.elements.map(([path]) => path)).toContain(
    'Provision:Provision/Provision:Policies/Provision:Policy/Provision:PolicyKey',
  );
});
