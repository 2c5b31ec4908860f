// Command line of the simulated Exchange.
import type { ParseArgsOptionsConfig } from 'node:util';
import { join } from 'node:path';
import { CertificateAuthority } from '../certificates.ts';
import { runCommandLine, untilSignal, UsageError, userOf, wholeNumber } from '../command-line.ts';
import { controlHelp, ControlServer } from './control.ts';
import { Exchange } from './exchange.ts';
import type { ExchangeKind } from './kinds.ts';
import type { UserOptions } from './organisation.ts';
import { fetchKeys } from './remote-keys.ts';
import type { TokenRules } from './token-verifier.ts';

const help = `A simulated Exchange: several front ends of one organisation, strict about ActiveSync.

  node test/peers/exchange/main.ts --user alice@example.com:secret

  --front-end NAME=PORT        a front end; may be repeated (default mbx1=9441 and mbx2=9442)
  --address ADDRESS            where they listen (default 127.0.0.1)
  --hostname NAME              a name in their certificate, in Host and in SNI; may be repeated (default localhost, 127.0.0.1)
  --ca-folder DIR              holds ca.crt and ca.key, which are made when they are not there (default ./peers-ca)
  --user NAME[:PASSWORD]       a user; may be repeated; without a password only tokens get in
  --users N                    users user1@example.com … userN@example.com with the password "secret"
  --identity-provider URL      accept Bearer tokens that it signed, e.g. https://localhost:9443
  --audience URL               what tokens must be for (default https://outlook.office365.com/)
  --kind 2016|2019|online      behave as this product (default: as none in particular)
  --versions LIST              protocol versions on offer, e.g. 16.0,16.1 (default: from 2.5 on)
  --no-basic                   refuse Basic authentication
  --no-provisioning            let devices in without a policy
  --time-scale FACTOR          how long a second of a heartbeat lasts (default 1)
  --control PORT               where the control API listens on loopback (default 9440)
  --help                       this text

Violations of the specification are printed on standard error as they are seen.
The control API, e.g. curl -d '{"user": "alice@example.com", "subject": "hello"}' http://127.0.0.1:9440/deliver

${controlHelp}`;

const options = {
  'front-end': { type: 'string', multiple: true, default: ['mbx1=9441', 'mbx2=9442'] },
  address: { type: 'string', default: '127.0.0.1' },
  hostname: { type: 'string', multiple: true, default: ['localhost', '127.0.0.1'] },
  'ca-folder': { type: 'string', default: 'peers-ca' },
  user: { type: 'string', multiple: true, default: [] },
  users: { type: 'string', default: '0' },
  'identity-provider': { type: 'string' },
  audience: { type: 'string', default: 'https://outlook.office365.com/' },
  kind: { type: 'string' },
  versions: { type: 'string' },
  'no-basic': { type: 'boolean', default: false },
  'no-provisioning': { type: 'boolean', default: false },
  'time-scale': { type: 'string', default: '1' },
  control: { type: 'string', default: '9440' },
} satisfies ParseArgsOptionsConfig;

await runCommandLine(
  {
    help,
    options,
    run: async (values) => {
      const users = usersOf(values.user, values.users);
      const frontEnds = Object.fromEntries(values['front-end'].map(frontEndOf));
      const control = wholeNumber('control', values.control);
      const timeScale = Number(values['time-scale']);
      if (!(timeScale > 0)) throw new UsageError('--time-scale must be a number above 0');
      const authority = await CertificateAuthority.load(values['ca-folder']);
      const provider = values['identity-provider'];
      const exchange = await Exchange.start({
        authority,
        users,
        frontEnds,
        hostnames: values.hostname,
        address: values.address,
        timeScale,
        ...(values['no-basic'] && { basic: false }),
        provisioning: !values['no-provisioning'],
        ...(values.kind !== undefined && { kind: kindOf(values.kind) }),
        ...(values.versions !== undefined && { protocolVersions: values.versions.split(',') }),
        ...(provider !== undefined && {
          tokens: tokenRules(provider, values.audience, authority.certificate),
        }),
        onViolation: (violation) => process.stderr.write(`${JSON.stringify(violation)}\n`),
      });
      const controlServer = await ControlServer.start(exchange, control).catch((error: unknown) => {
        exchange.close();
        throw error;
      });
      for (const { name, url } of exchange.frontEnds.values())
        process.stdout.write(`front end ${name}: ${url}\n`);
      process.stdout.write(
        `authority: ${join(values['ca-folder'], 'ca.crt')}\ncontrol: ${controlServer.url}\n`,
      );
      await untilSignal();
      controlServer.close();
      exchange.close();
      return 0;
    },
  },
  process.argv.slice(2),
);

function kindOf(value: string): ExchangeKind {
  if (value === '2016' || value === '2019' || value === 'online') return value;
  throw new UsageError(`--kind must be 2016, 2019 or online, not ${value}`);
}

function usersOf(named: readonly string[], count: string): UserOptions[] {
  const users: UserOptions[] = named.map(userOf);
  for (let n = 1; n <= wholeNumber('users', count); n += 1) {
    users.push({ name: `user${n}@example.com`, password: 'secret' });
  }
  if (users.length === 0) throw new UsageError('give at least one --user, or --users N');
  return users;
}

function frontEndOf(value: string): [string, number] {
  const [name = '', port = ''] = value.split('=');
  if (!/^[a-z0-9-]+$/i.test(name)) throw new UsageError(`--front-end must be NAME=PORT, not ${value}`);
  return [name, wholeNumber('front-end', port)];
}

function tokenRules(provider: string, audience: string, ca: string): TokenRules {
  const origin = provider.replace(/\/$/, '');
  return {
    audiences: [audience],
    authorizationUri: `${origin}/common/oauth2/authorize`,
    keys: () => fetchKeys(`${origin}/common/discovery/keys`, ca),
  };
}
