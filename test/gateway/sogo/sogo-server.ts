// SOGo as Debian packages it: ActiveSync behind nginx, users and state in PostgreSQL, mail in Dovecot; all on loopback.
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Credentials } from '../../peers/certificates.ts';
import { type Daemon, freePort, Premises } from './daemon.ts';
import { MailStore, PASSWORD } from './mail-store.ts';

export interface SogoOptions {
  /** Of nginx, where phones and the gateway connect. */
  readonly credentials: Credentials;
  /** Local parts of addresses in `domain`. */
  readonly users: readonly string[];
  readonly domain: string;
}

interface Ports {
  readonly postgres: number;
  readonly memcached: number;
  readonly sogo: number;
  readonly nginx: number;
}

export class SogoServer implements AsyncDisposable {
  private readonly premises = new Premises(mkdtempSync(join(tmpdir(), 'sogo-')));
  private readonly daemons: Daemon[] = [];
  private readonly ports: Ports;
  private store: MailStore | undefined;

  private constructor(ports: Ports) {
    this.ports = ports;
  }

  /** Resolves once phones can connect. */
  static async start(options: SogoOptions): Promise<SogoServer> {
    const ports = {
      postgres: await freePort(),
      memcached: await freePort(),
      sogo: await freePort(),
      nginx: await freePort(),
    };
    const server = new SogoServer(ports);
    try {
      await server.startAll(options);
    } catch (error) {
      await server[Symbol.asyncDispose]();
      throw error;
    }
    return server;
  }

  /** Port of nginx on 127.0.0.1; TLS. */
  get port(): number {
    return this.ports.nginx;
  }

  get mail(): MailStore {
    if (this.store === undefined) throw new Error('the mail store is not started');
    return this.store;
  }

  /** How many of the user's Pings have waited in SOGo, by its log: each is served by a process of its own. */
  pollsOf(user: string): number {
    const log = readFileSync(this.premises.path('sogo.log'), 'utf8');
    const waits = log.matchAll(new RegExp(`sogod \\[(\\d+)\\].* changes for user ${user} in Ping`, 'g'));
    return new Set([...waits].map(([, pid]) => pid)).size;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const daemon of this.daemons.toReversed()) await daemon.stop();
    await this.store?.stop();
    rmSync(this.premises.folder, { recursive: true, force: true });
  }

  private async startAll(options: SogoOptions): Promise<void> {
    const { premises, ports } = this;
    const started = await Promise.allSettled([
      MailStore.start(premises).then((store) => (this.store = store)),
      this.startPostgres(options),
      this.startDaemon(ports.memcached, 'memcached', [
        'memcached',
        '--listen=127.0.0.1',
        `--port=${ports.memcached}`,
        '--udp-port=0',
      ]),
      this.startNginx(options.credentials),
    ]);
    for (const start of started) if (start.status === 'rejected') throw start.reason;
    const command = ['sogod', ...this.sogoArguments(this.mail, options.domain)] as const;
    await this.startDaemon(ports.sogo, 'sogo', command, 'SIGKILL');
  }

  private async startDaemon(
    port: number,
    name: string,
    command: readonly [string, ...string[]],
    stopSignal: NodeJS.Signals = 'SIGTERM',
  ): Promise<void> {
    const daemon = this.premises.start({ name, command, stopSignal });
    this.daemons.push(daemon);
    await daemon.accepts(port);
  }

  private async startPostgres({ users, domain }: SogoOptions): Promise<void> {
    const { premises, ports } = this;
    const programs = newestPostgres();
    const data = premises.path('postgres');
    await premises.run(
      join(programs, 'initdb'),
      ...['--no-sync', '--auth=trust', '--username=sogo', '--encoding=UTF8', '--no-locale', '-D', data],
    );
    const command = [
      join(programs, 'postgres'),
      ...['-D', data, '-p', String(ports.postgres), '-k', premises.folder, '-h', '127.0.0.1', '-F'],
    ] as [string, ...string[]];
    await this.startDaemon(ports.postgres, 'postgres', command, 'SIGINT');
    const rows = users.map((user) => `('${user}', '${user}', '${PASSWORD}', '${user}', '${user}@${domain}')`);
    const script = premises.write(
      'users.sql',
      `CREATE DATABASE sogo;
       \\connect sogo
       CREATE TABLE users (c_uid text PRIMARY KEY, c_name text, c_password text, c_cn text, mail text);
       INSERT INTO users VALUES ${rows.join(', ')};`,
    );
    const address = ['-h', '127.0.0.1', '-p', String(ports.postgres), '-U', 'sogo', '-d', 'template1'];
    await premises.runUntilGood(join(programs, 'pg_isready'), '-q', ...address);
    await premises.run(join(programs, 'psql'), '-q', '-v', 'ON_ERROR_STOP=1', '-f', script, ...address);
  }

  /** The paths of the documentation's example: phones know nothing of /SOGo. */
  private async startNginx({ cert, key }: Credentials): Promise<void> {
    const { premises, ports } = this;
    const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map(
      (kind) => `${kind}_temp_path ${premises.path(`nginx-${kind}`)};`,
    );
    const file = premises.write(
      'nginx.conf',
      `daemon off; master_process off; pid ${premises.path('nginx.pid')};
      events { worker_connections 256; }
      http {
        access_log ${premises.path('access.log')}; ${temporary.join(' ')}
        server {
          listen 127.0.0.1:${ports.nginx} ssl; server_name localhost;
          ssl_certificate ${premises.write('nginx.crt', cert)};
          ssl_certificate_key ${premises.write('nginx.key', key)};
          location ^~ /Microsoft-Server-ActiveSync {
            proxy_pass http://127.0.0.1:${ports.sogo}/SOGo/Microsoft-Server-ActiveSync;
            proxy_read_timeout 3600s; proxy_buffers 64 256k;
          }
        }
      }`,
    );
    const command = ['nginx', '-c', file, '-e', premises.path('nginx.log')] as const;
    await this.startDaemon(ports.nginx, 'nginx', command);
  }

  /** Settings on the command line come before those of /etc/sogo. */
  private sogoArguments({ imapPort, smtpPort }: MailStore, domain: string): string[] {
    const { premises, ports } = this;
    const database = `postgresql://sogo:none@127.0.0.1:${ports.postgres}/sogo`;
    const source = `{type = sql; id = directory; viewURL = "${database}/users"; canAuthenticate = YES;
      isAddressBook = NO; userPasswordAlgorithm = plain; LoginFieldNames = (c_uid, mail);}`;
    const settings: Record<string, string> = {
      WOPort: `127.0.0.1:${ports.sogo}`,
      WONoDetach: 'YES',
      WOPidFile: premises.path('sogo.pid'),
      WOLogFile: '-',
      WOWorkersCount: '10',
      SOGoUserSources: `(${source})`,
      SOGoMailDomain: domain,
      SOGoTimeZone: 'UTC',
      SOGoMemcachedHost: `127.0.0.1:${ports.memcached}`,
      SOGoIMAPServer: `imap://127.0.0.1:${imapPort}`,
      SOGoSMTPServer: `smtp://127.0.0.1:${smtpPort}`,
      SOGoSentFolderName: 'Sent',
      SOGoTrashFolderName: 'Trash',
      SOGoDraftsFolderName: 'Drafts',
      SOGoMaximumPingInterval: '3540',
      SOGoMaximumSyncInterval: '3540',
      SOGoInternalSyncInterval: '1',
      WOWatchDogRequestTimeout: '60',
      SOGoProfileURL: `${database}/sogo_user_profile`,
      OCSFolderInfoURL: `${database}/sogo_folder_info`,
      OCSSessionsFolderURL: `${database}/sogo_sessions_folder`,
      OCSEMailAlarmsFolderURL: `${database}/sogo_alarms_folder`,
      OCSStoreURL: `${database}/sogo_store`,
      OCSAclURL: `${database}/sogo_acl`,
      OCSCacheFolderURL: `${database}/sogo_cache_folder`,
    };
    return Object.entries(settings).flatMap(([name, value]) => [`-${name}`, value]);
  }
}

/** Debian keeps the programs of each major version in a folder of its own. */
function newestPostgres(): string {
  const versions = readdirSync('/usr/lib/postgresql').map(Number);
  return `/usr/lib/postgresql/${Math.max(...versions)}/bin`;
}
