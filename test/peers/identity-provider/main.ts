// Command line of the simulated identity provider.
import type { ParseArgsOptionsConfig } from 'node:util';
import { join } from 'node:path';
import { CertificateAuthority } from '../certificates.ts';
import { runCommandLine, untilSignal, UsageError, userOf, wholeNumber } from '../command-line.ts';
import { IdentityProvider } from './identity-provider.ts';

const help = `A simulated identity provider: OAuth 2 endpoints as Entra ID and AD FS have them.

  node test/peers/identity-provider/main.ts --user alice@example.com

  --port PORT                  where it listens (default 9443)
  --address ADDRESS            (default 127.0.0.1)
  --hostname NAME              a name in its certificate, the first also in its URL; may be repeated (default localhost, 127.0.0.1)
  --ca-folder DIR              holds ca.crt and ca.key, which are made when they are not there (default ./peers-ca)
  --user NAME[:PASSWORD]       who can sign in, by login hint alone; may be repeated
  --users N                    also user1@example.com … userN@example.com
  --resource URL               what tokens are issued for; may be repeated (default https://outlook.office365.com/)
  --token-seconds N            how long access tokens last (default 3599)
  --help                       this text

Endpoints: /common/oauth2/{authorize,token,devicecode} (resource), /common/oauth2/v2.0/… (scope), /adfs/oauth2/…,
/common/discovery/keys, /common/.well-known/openid-configuration; any tenant may stand in place of common.
Requests are listed on standard error without their parameters.
`;

const options = {
  port: { type: 'string', default: '9443' },
  address: { type: 'string', default: '127.0.0.1' },
  hostname: { type: 'string', multiple: true, default: ['localhost', '127.0.0.1'] },
  'ca-folder': { type: 'string', default: 'peers-ca' },
  user: { type: 'string', multiple: true, default: [] },
  users: { type: 'string', default: '0' },
  resource: { type: 'string', multiple: true, default: ['https://outlook.office365.com/'] },
  'token-seconds': { type: 'string', default: '3599' },
} satisfies ParseArgsOptionsConfig;

await runCommandLine(
  {
    help,
    options,
    run: async (values) => {
      const users = values.user.map(userOf);
      for (let n = 1; n <= wholeNumber('users', values.users); n += 1)
        users.push({ name: `user${n}@example.com` });
      if (users.length === 0) throw new UsageError('give at least one --user, or --users N');
      const provider = await IdentityProvider.start({
        authority: await CertificateAuthority.load(values['ca-folder']),
        users,
        resources: values.resource,
        port: wholeNumber('port', values.port),
        address: values.address,
        hostnames: values.hostname,
        tokenSeconds: wholeNumber('token-seconds', values['token-seconds'], 1),
        onAnswer: ({ at, method, endpoint, status }) =>
          process.stderr.write(
            `${at} ${method} ${endpoint?.dialect ?? '-'} ${endpoint?.purpose ?? '-'} ${status}\n`,
          ),
      });
      process.stdout.write(`identity provider: ${provider.url}\n`);
      process.stdout.write(`authority: ${join(values['ca-folder'], 'ca.crt')}\n`);
      await untilSignal();
      await provider.close();
      return 0;
    },
  },
  process.argv.slice(2),
);
