// The mailboxes behind SOGo: Dovecot with IMAP and LMTP, and an SMTP server that hands it what SOGo sends.
import { createTransport } from 'nodemailer';
import { SMTPServer } from 'smtp-server';
import { type Daemon, freePort, type Premises } from './daemon.ts';

/** Of every user. */
export const PASSWORD = 'correct-horse';

export class MailStore {
  readonly imapPort: number;
  readonly smtpPort: number;
  private readonly premises: Premises;
  private readonly dovecot: Daemon;
  private readonly smtp: SMTPServer;

  private constructor(
    premises: Premises,
    dovecot: Daemon,
    imapPort: number,
    smtp: SMTPServer,
    smtpPort: number,
  ) {
    this.premises = premises;
    this.dovecot = dovecot;
    this.imapPort = imapPort;
    this.smtp = smtp;
    this.smtpPort = smtpPort;
  }

  static async start(premises: Premises): Promise<MailStore> {
    const ports = { imap: await freePort(), lmtp: await freePort(), smtp: await freePort() };
    const file = premises.write('dovecot.conf', configuration(premises, ports));
    const dovecot = premises.start({ name: 'dovecot', command: ['dovecot', '-F', '-c', file] });
    const smtp = deliverTo(ports.lmtp);
    smtp.listen(ports.smtp, '127.0.0.1');
    try {
      await dovecot.accepts(ports.lmtp);
      await dovecot.accepts(ports.imap);
    } catch (error) {
      await dovecot.stop();
      smtp.close();
      throw error;
    }
    return new MailStore(premises, dovecot, ports.imap, smtp, ports.smtp);
  }

  /**
   * Makes Dovecot count the changes of a mailbox (RFC 7162), which it begins with the first client that asks for the count.
   * SOGo needs it and does not ask: without it the mailbox seems empty.
   */
  async countChanges(user: string, mailbox: string): Promise<void> {
    await this.premises.run(
      'doveadm',
      '-c',
      this.premises.path('dovecot.conf'),
      'fetch',
      '-u',
      user,
      'modseq',
      'mailbox',
      mailbox,
    );
  }

  /** Brings a mail to a mailbox, as another server would by SMTP. */
  async deliver(mail: {
    readonly from: string;
    readonly to: string;
    readonly subject: string;
    readonly text: string;
  }): Promise<void> {
    const transport = createTransport({ host: '127.0.0.1', port: this.smtpPort, ignoreTLS: true });
    await transport.sendMail(mail);
    transport.close();
  }

  async stop(): Promise<void> {
    await new Promise<void>((resolve) => {
      this.smtp.close(() => resolve());
    });
    await this.dovecot.stop();
  }
}

/** Accepts mail for anybody; a mail is taken once Dovecot has it. */
function deliverTo(lmtpPort: number): SMTPServer {
  const transport = createTransport({ host: '127.0.0.1', port: lmtpPort, lmtp: true, ignoreTLS: true });
  return new SMTPServer({
    disabledCommands: ['AUTH', 'STARTTLS'],
    closeTimeout: 1,
    onData(stream, { envelope: { mailFrom, rcptTo } }, callback) {
      const from = mailFrom === false ? '' : mailFrom.address;
      const to = rcptTo.map(({ address }) => address);
      transport.sendMail({ envelope: { from, to }, raw: stream }, (error) => callback(error));
    },
  });
}

interface Ports {
  readonly imap: number;
  readonly lmtp: number;
}

/** Dovecot 2.3 under one account, without PAM, chroot and TLS: doc.dovecot.org, "Rootless Installation". */
function configuration({ folder, account: { uid, gid, user, group } }: Premises, ports: Ports): string {
  return `
    base_dir = ${folder}/dovecot-run
    state_dir = ${folder}/dovecot-state
    log_path = ${folder}/dovecot.log
    listen = 127.0.0.1
    protocols = imap lmtp
    ssl = no
    disable_plaintext_auth = no
    default_internal_user = ${user}
    default_internal_group = ${group}
    default_login_user = ${user}
    first_valid_uid = ${uid}
    first_valid_gid = ${gid}
    auth_username_format = %n
    mail_location = maildir:~/mail
    mailbox_list_index = yes
    passdb {
      driver = static
      args = password=${PASSWORD}
    }
    userdb {
      driver = static
      args = uid=${uid} gid=${gid} home=${folder}/homes/%n allow_all_users=yes
    }
    namespace inbox {
      inbox = yes
      separator = /
      mailbox Sent { auto = create special_use = \\Sent }
      mailbox Drafts { auto = create special_use = \\Drafts }
      mailbox Trash { auto = create special_use = \\Trash }
    }
    service anvil {
      chroot =
    }
    service imap-login {
      chroot =
      inet_listener imap { port = ${ports.imap} }
      inet_listener imaps { port = 0 }
    }
    service lmtp {
      inet_listener lmtp { port = ${ports.lmtp} }
    }
  `.replaceAll(/ \{ (.+) \}/g, (_, settings: string) => ` {\n${settings.replaceAll(/ (?=\w+ =)/g, '\n')}\n}`);
}
