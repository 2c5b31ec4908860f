// Step "response transform": what of an answer's head must not reach the phone as Exchange wrote it.
import { withAuthorizationURI, withoutConnectionBound } from '../access/challenges.ts';
import type { Diagnoses } from '../telemetry/diagnoses.ts';
import { ACTIVESYNC_PATH } from '../eas/path.ts';
import type { RequestHead, ResponseHead } from '../http/exchange.ts';
import type { AskedFor } from './parse.ts';
import type { ServedRoute } from './served-snapshot.ts';
import { offerVersions } from './version-gate.ts';

/** What a transform may know of the request that is answered. */
export interface AnsweredRequest {
  readonly request: RequestHead;
  /** Undefined where the request line was refused. */
  readonly asked: AskedFor | undefined;
  readonly route: ServedRoute;
  /** Name of the listener that it came by. */
  readonly listener: string;
}

/** With a token: iOS asks with an empty `Bearer`. */
const SIGNED_IN = /^bearer[ \t]+\S/i;

/** Changes the head of an answer; applied in order to every answer of a server. */
export type ResponseTransform = (head: ResponseHead, answered: AnsweredRequest) => void;

/** NTLM and Negotiate authenticate a connection: over a pool they would lend one user's login to another. */
export const removeConnectionBoundChallenges: ResponseTransform = ({ headers }) => {
  if (!headers.has('www-authenticate')) return;
  const values = headers.getAll('www-authenticate');
  const rest = values.map(withoutConnectionBound);
  if (rest.every((value, at) => value === values[at])) return;
  headers.remove('www-authenticate');
  for (const value of rest) if (value !== undefined) headers.append('WWW-Authenticate', value);
};

/** A 451 with X-MS-Location would let the phone out of the gateway for good: it names the gateway instead, unless the route passes it. */
export const containRedirect: ResponseTransform = ({ headers }, { request, route }) => {
  if (route.redirects.policy === 'Pass') return;
  if (headers.has('x-ms-location')) headers.set('X-MS-Location', `https://${request.host}${ACTIVESYNC_PATH}`);
};

/** Phones without a profile sign in where Exchange's challenge says: at the gateway's endpoint of this route. */
export const signInThroughGateway: ResponseTransform = ({ status, headers }, { request, route }) => {
  if (status !== 401 || route.signInPath === undefined) return;
  const uri = `https://${request.host}${route.signInPath}`;
  headers.change('www-authenticate', (value) => withAuthorizationURI(value, uri));
};

/** Exchange says why it refuses somebody: told to `diagnoses`, and left as it is. Those who have not signed in are no errors. */
export function noteDiagnostics(diagnoses: Pick<Diagnoses, 'exchangeRefused'>): ResponseTransform {
  return ({ status, headers }, { request, route }) => {
    if (status < 400) return;
    const value = headers.get('x-ms-diagnostics');
    if (value === undefined || !SIGNED_IN.test(request.headers.get('authorization') ?? '')) return;
    diagnoses.exchangeRefused(route.key, value);
  };
}

export const RESPONSE_TRANSFORMS: readonly ResponseTransform[] = [
  removeConnectionBoundChallenges,
  signInThroughGateway,
  containRedirect,
  offerVersions,
];
