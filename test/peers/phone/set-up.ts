// Sets an account up as a kind of client does: its sequence of commands, up to the first poll.
import type { ClientProfile, Step } from './clients/profile.ts';
import type { Phone } from './phone.ts';

/**
 * Plays the sequence up to its Ping. A Provision that the sequence expects after a command comes where the server asks for it, and
 * then the command again, as the sequence says.
 *
 * @throws {EasFailure | HttpFailure | ConnectionLost | WrongAnswer} where the client gives up
 */
export async function setUp(phone: Phone, client: ClientProfile, signal?: AbortSignal): Promise<void> {
  const steps = client.sequence.value;
  for (let at = 0; at < steps.length; at += 1) {
    const step = steps[at];
    if (step === undefined || step === 'Ping') return;
    await perform(phone, step, signal);
    if (steps[at + 1] === 'Provision' && steps[at + 2] === step) at += 2;
  }
}

async function perform(phone: Phone, step: Step, signal: AbortSignal | undefined): Promise<void> {
  switch (step) {
    case 'Autodiscover':
      if (!phone.hasProfile) await phone.discover(signal);
      return;
    case 'GET':
      if (!phone.hasProfile) await phone.ask(signal);
      return;
    case 'SignIn':
      return phone.signIn(signal);
    case 'OPTIONS':
      return phone.negotiate(signal);
    case 'Provision':
      return phone.provision(signal);
    case 'FolderSync':
      await phone.folderSync(signal);
      return;
    case 'Settings':
      await phone.settings(signal);
      return;
    case 'Sync':
      await phone.sync(phone.inbox, signal ? { signal } : {});
      return;
    case 'SendMail':
      await phone.sendMail({ to: phone.user, subject: 'to myself' }, signal);
      return;
    case 'Ping':
  }
}
