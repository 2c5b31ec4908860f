// What the pods of a gateway present to a new phone, each asked at its own address, and what the status says of it.
import type { X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { connect } from 'node:tls';
import { eventually, HOSTNAME, type MailSetup } from './mail-setup.ts';

const PHONES_PORT = 8443;

/** The leaf that each ready pod of the gateway `mail` presents for the host name, in no order. @throws Error when one refuses */
export async function presentedByPods(
  setup: Pick<MailSetup, 'kubectl'>,
  hostname = HOSTNAME,
): Promise<X509Certificate[]> {
  const pods = JSON.parse(await setup.kubectl(['get', 'pods', '-o', 'json'])) as {
    items: { status: { podIP?: string; conditions?: { type: string; status: string }[] } }[];
  };
  const addresses = pods.items.flatMap(({ status }) => {
    const ready = status.conditions?.some(({ type, status }) => type === 'Ready' && status === 'True');
    return ready === true ? (status.podIP ?? []) : [];
  });
  return Promise.all(addresses.map((address) => presented(address, hostname)));
}

async function presented(address: string, hostname: string): Promise<X509Certificate> {
  // Whom to trust is not the question here.
  const socket = connect({
    host: address,
    port: PHONES_PORT,
    servername: hostname,
    rejectUnauthorized: false,
  });
  try {
    await once(socket, 'secureConnect');
    const certificate = socket.getPeerX509Certificate();
    if (certificate === undefined) throw new Error(`${address} presents no certificate for ${hostname}`);
    return certificate;
  } finally {
    socket.destroy();
  }
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
