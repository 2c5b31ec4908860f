// The signing keys of an identity provider in another process, fetched over HTTPS.
import { get } from 'node:https';
import { json } from 'node:stream/consumers';
import type { IncomingMessage } from 'node:http';
import { once } from 'node:events';
import type { JSONWebKeySet } from 'jose';

/**
 * Fetches a JSON Web Key Set.
 *
 * @throws {Error} when it cannot be had
 */
export async function fetchKeys(url: string, ca: string): Promise<JSONWebKeySet> {
  const request = get(url, { ca, agent: false });
  const [answer] = (await once(request, 'response')) as [IncomingMessage];
  if (answer.statusCode !== 200) throw new Error(`${url} answered ${answer.statusCode}`);
  return (await json(answer)) as JSONWebKeySet;
}
