// What the pods of a gateway present to a new phone, each asked at its own address, and what the status says of it.
import type { X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { connect, type TLSSocket } from 'node:tls';
import { eventually, HOSTNAME, type MailSetup } from './mail-setup.ts';

const PHONES_PORT = 8443;

/** The leaf that each ready pod of the gateway `mail` presents for the host name, in no order. @throws Error when one refuses */
export async function presentedByPods(
  setup: Pick<MailSetup, 'kubectl'>,
  hostname = HOSTNAME,
): Promise<X509Certificate[]> {
  const addresses = await readyAddresses(setup);
  return Promise.all(addresses.map((address) => presented(address, hostname)));
}

async function readyAddresses(setup: Pick<MailSetup, 'kubectl'>): Promise<string[]> {
  const pods = JSON.parse(await setup.kubectl(['get', 'pods', '-o', 'json'])) as {
    items: { status: { podIP?: string; conditions?: { type: string; status: string }[] } }[];
  };
  return pods.items.flatMap(({ status }) => {
    const ready = status.conditions?.some(({ type, status }) => type === 'Ready' && status === 'True');
    return ready === true ? (status.podIP ?? []) : [];
  });
}

async function presented(address: string, hostname: string): Promise<X509Certificate> {
  const socket = greet(address, hostname);
  try {
    await once(socket, 'secureConnect');
    const certificate = socket.getPeerX509Certificate();
    if (certificate === undefined) throw new Error(`${address} presents no certificate for ${hostname}`);
    return certificate;
  } finally {
    socket.destroy();
  }
}

/** Whom to trust is not the question here. */
function greet(address: string, hostname: string, session?: Buffer): TLSSocket {
  return connect({
    host: address,
    port: PHONES_PORT,
    servername: hostname,
    rejectUnauthorized: false,
    ...(session && { session }),
  });
}

/** Opens a session at one ready pod of the gateway `mail` and goes on with it at another: whether that one resumes it. */
export async function resumesAtAnotherPod(setup: Pick<MailSetup, 'kubectl'>): Promise<boolean> {
  const [first = '', second = ''] = await readyAddresses(setup);
  const socket = greet(first, HOSTNAME);
  const sessions = once(socket, 'session') as Promise<[Buffer]>;
  // Tickets of TLS 1.3 come with the first bytes that are read.
  socket.resume();
  const [session] = await sessions;
  socket.destroy();
  const again = greet(second, HOSTNAME, session);
  await once(again, 'secureConnect');
  const isResumed = again.isSessionReused();
  again.destroy();
  return isResumed;
}

/** The condition ResolvedRefs of the gateway `mail`, once it has that reason. @throws Error after a minute */
export async function resolvedRefs(
  setup: Pick<MailSetup, 'kubectl'>,
  reason: string,
): Promise<{ readonly status: string; readonly reason: string; readonly message: string }> {
  let found = { status: '', reason: '', message: '' };
  await eventually(`ResolvedRefs says ${reason}`, async () => {
    const path = 'jsonpath={.status.conditions[?(@.type=="ResolvedRefs")]}';
    const text = await setup.kubectl(['get', 'sentrygateway', 'mail', '--ignore-not-found', '-o', path]);
    if (text !== '') found = JSON.parse(text) as typeof found;
    return found.reason === reason;
  });
  return found;
}
