// Command line of the simulated phone.
import type { ParseArgsOptionsConfig } from 'node:util';
import { readFile } from 'node:fs/promises';
import { runCommandLine, untilSignal, UsageError, wholeNumber } from '../command-line.ts';
import { clientOf, CLIENTS } from './clients/clients.ts';
import type { ClientProfile } from './clients/profile.ts';
import { Fleet, type FleetOptions } from './fleet.ts';
import type { ReportSummary } from './report.ts';

const help = `Simulated phones: sign in, provision, synchronise, poll for mail, and report what was lost.

  node test/peers/phone/main.ts --url https://sentry.example.com:8443 --connect 127.0.0.1 --ca ca.crt \\
    --user alice@example.com --oauth --seconds 30

  --url URL                    where ActiveSync is; the path is added
  --connect ADDRESS            connect to this address whatever the host's name resolves to
  --ca FILE                    authorities to trust (PEM) in place of the system's; may be repeated
  --user NAME                  the user; {n} in it stands for the phone's number
  --password PASSWORD          sign in by Basic
  --oauth                      sign in by OAuth through URL/proxyservice/oauth2/{authorize,token}
  --sign-in-url URL            the authorization endpoint in place of that one
  --token-url URL              the token endpoint in place of that one
  --resource URL               what the token is asked for (default https://HOST/, without the port)
  --client KIND                play ios-mail, gmail, samsung-mail, email-plus, windows-mail, legacy or rude: its requests,
                               their order, and what it does about answers (default: none in particular)
  --phones N                   how many (default 1)
  --seconds N                  how long they poll once all are set up (default 10; 0: until a signal)
  --attempts N                 how often each tries to get in before it gives up (default 20)
  --mode ping|sync             poll by Ping, or by a Sync that waits (default ping)
  --heartbeat SECONDS          (default the client's, else 470)
  --protocol-version VERSION   (default the client's newest, else 16.1)
  --query plain|base64         (default the client's, else plain)
  --send-to ADDRESS            each phone sends one mail there first
  --print-mail                 print a line for each mail that arrives
  --audit                      at the end fetch all mail anew and count what was missing
  --json                       report as JSON
  --help                       this text

Exit code 0 when nothing was lost, 1 otherwise. 503 with Retry-After is counted apart and is no loss.
`;

const options = {
  url: { type: 'string' },
  connect: { type: 'string' },
  ca: { type: 'string', multiple: true, default: [] },
  user: { type: 'string' },
  password: { type: 'string' },
  oauth: { type: 'boolean', default: false },
  'sign-in-url': { type: 'string' },
  'token-url': { type: 'string' },
  resource: { type: 'string' },
  phones: { type: 'string', default: '1' },
  seconds: { type: 'string', default: '10' },
  attempts: { type: 'string', default: '20' },
  mode: { type: 'string', default: 'ping' },
  client: { type: 'string' },
  heartbeat: { type: 'string' },
  'protocol-version': { type: 'string' },
  query: { type: 'string' },
  'send-to': { type: 'string' },
  'print-mail': { type: 'boolean', default: false },
  audit: { type: 'boolean', default: false },
  json: { type: 'boolean', default: false },
} satisfies ParseArgsOptionsConfig;

await runCommandLine(
  {
    help,
    options,
    run: async (values) => {
      const { origin, hostname } = urlOf(values.url);
      if (values.user === undefined) throw new UsageError('give --user');
      if (values.oauth === (values.password !== undefined))
        throw new UsageError('give either --password or --oauth');
      const sendTo = values['send-to'];
      const seconds = wholeNumber('seconds', values.seconds);
      const fleet = new Fleet({
        url: origin,
        user: values.user,
        phones: wholeNumber('phones', values.phones, 1),
        attempts: wholeNumber('attempts', values.attempts, 1),
        mode: oneOf('mode', values.mode, ['ping', 'sync']),
        ...mannersOf(values),
        ...(values.connect !== undefined && { hosts: { [hostname]: values.connect } }),
        ...(values.ca.length > 0 && {
          ca: await Promise.all(values.ca.map((file) => readFile(file, 'utf8'))),
        }),
        ...(values.password !== undefined && { password: values.password }),
        ...(values.oauth && {
          oauth: {
            signInUrl: values['sign-in-url'] ?? `${origin}/proxyservice/oauth2/authorize`,
            tokenUrl: values['token-url'] ?? `${origin}/proxyservice/oauth2/token`,
            resource: values.resource ?? `https://${hostname}/`,
          },
        }),
        onMail: ({ subject }, { user }) => {
          if (values['print-mail']) process.stderr.write(`${new Date().toISOString()} ${user}: ${subject}\n`);
        },
      });
      await fleet.start();
      if (sendTo !== undefined) await sendFromAll(fleet, sendTo);
      await untilSignal(seconds === 0 ? undefined : seconds);
      if (values.audit) await fleet.audit();
      await fleet.stop();
      const summary = fleet.report.summary();
      process.stdout.write(values.json ? `${JSON.stringify(summary, null, 2)}\n` : table(summary));
      return summary.lost === 0 ? 0 : 1;
    },
  },
  process.argv.slice(2),
);

function urlOf(value: string | undefined): URL {
  if (value === undefined || !URL.canParse(value) || new URL(value).protocol !== 'https:') {
    throw new UsageError('give --url with an https URL');
  }
  return new URL(value);
}

function oneOf<const T extends string>(name: string, value: string, allowed: readonly T[]): T {
  const found = allowed.find((each) => each === value);
  if (found !== undefined) return found;
  throw new UsageError(`--${name} must be ${allowed.join(' or ')}, not ${value}`);
}

/** What the command line says of the client, and nothing where it says nothing. */
function mannersOf(values: {
  client?: string;
  query?: string;
  heartbeat?: string;
  'protocol-version'?: string;
}): Partial<FleetOptions> {
  const { client, query, heartbeat, 'protocol-version': protocolVersion } = values;
  return {
    ...(client !== undefined && { client: knownClient(client) }),
    ...(query !== undefined && { query: oneOf('query', query, ['plain', 'base64']) }),
    ...(heartbeat !== undefined && { heartbeatSeconds: wholeNumber('heartbeat', heartbeat, 1) }),
    ...(protocolVersion !== undefined && { protocolVersion }),
  };
}

function knownClient(name: string): ClientProfile {
  const client = clientOf(name);
  if (client !== undefined) return client;
  throw new UsageError(`--client must be one of ${CLIENTS.map((each) => each.name).join(', ')}, not ${name}`);
}

async function sendFromAll({ phones }: Fleet, to: string): Promise<void> {
  // A failure is in the report already.
  await Promise.allSettled(phones.map((phone) => phone.sendMail({ to, subject: `from ${phone.user}` })));
}

function table(summary: ReportSummary): string {
  const { answers, lostReasons, latency, ...counts } = summary;
  const lines = Object.entries(counts).map(([name, value]) => [name, String(value)]);
  for (const [what, count] of Object.entries(lostReasons)) lines.push([`lost: ${what}`, String(count)]);
  for (const [what, count] of Object.entries(answers)) lines.push([`answer ${what}`, String(count)]);
  for (const [command, { p50, p95, p99, max }] of Object.entries(latency)) {
    lines.push([`latency ${command}, ms`, `p50 ${p50}  p95 ${p95}  p99 ${p99}  max ${max}`]);
  }
  const width = Math.max(...lines.map(([name = '']) => name.length));
  return lines.map(([name = '', value = '']) => `${name.padEnd(width)}  ${value}\n`).join('');
}
