// Steps "identify" and "admit or answer": whose request this is, and whether it may in.
import { type Identity, identify } from '../access/identity.ts';
import type { Token } from '../access/token.ts';
import type { Clock } from '../http/deadlines.ts';
import type { RequestHead } from '../http/exchange.ts';
import { NO_ROUTE, NO_ROUTES, NO_SNAPSHOT, type OwnAnswer } from './own-answers.ts';
import { type AskedFor, parseRequestLine } from './parse.ts';
import { type Admission, copy, type Forward, type PhoneConnection } from './phone-connection.ts';
import { pickRoute, type ServedSnapshot } from './served-snapshot.ts';
import { tokenDenied } from './token-denials.ts';

const NOBODY: Identity = { user: undefined, anonymous: true, mismatch: false };

/**
 * Judges a request; the same request again on the same connection and snapshot costs a few comparisons.
 * @param served undefined before the first snapshot
 * @param wallClock ms since 1970, for tokens that expire
 */
export function admit(
  request: RequestHead,
  connection: PhoneConnection,
  served: ServedSnapshot | undefined,
  wallClock: Clock,
): Admission {
  const authorization = request.headers.get('authorization');
  const userHeader = request.headers.get('x-user-identity');
  const last = connection.admission;
  if (
    last !== undefined &&
    last.target === request.target &&
    last.method === request.method &&
    last.generation === (served?.generation ?? 0) &&
    last.authorization === authorization &&
    last.userHeader === userHeader &&
    (last.validUntil === undefined || wallClock.now() < last.validUntil)
  ) {
    return last;
  }
  const admission = judge(request, connection, served, wallClock);
  connection.admission = admission;
  return admission;
}

function judge(
  request: RequestHead,
  connection: PhoneConnection,
  served: ServedSnapshot | undefined,
  wallClock: Clock,
): Admission {
  const { method, headers } = request;
  const userHeader = headers.get('x-user-identity');
  const credential = connection.credentialOf(headers.get('authorization'));
  const target = copy(request.target);
  const asked = parseRequestLine(method, target);
  const about = {
    generation: served?.generation ?? 0,
    method: copy(method),
    target,
    authorization: connection.authorization,
    userHeader: userHeader === undefined ? undefined : copy(userHeader),
  };
  if ('status' in asked) {
    return { ...about, validUntil: undefined, asked: undefined, identity: NOBODY, decision: asked };
  }
  const identity = identify(credential, asked.user, userHeader);
  const connectionBound = credential.kind === 'ConnectionBound';
  const decision = decide(asked, identity, connectionBound, connection, served);
  const judgement = judgeToken(decision, credential.token, { asked, request, wallClock });
  return { ...about, ...judgement, asked, identity };
}

/** What the route's policy makes of a decision. A denial is judged anew each time. */
function judgeToken(
  decision: Forward | OwnAnswer,
  token: Token | undefined,
  about: { readonly asked: AskedFor; readonly request: RequestHead; readonly wallClock: Clock },
): Pick<Admission, 'decision' | 'validUntil'> {
  const policy = 'status' in decision ? undefined : decision.route.tokenPolicy;
  if (token === undefined || policy === undefined) return { decision, validUntil: undefined };
  const verdict = policy.judge(token, about.wallClock.now());
  if (verdict.denial === undefined) return { decision, validUntil: verdict.until };
  return { decision: tokenDenied(verdict.denial, about.request, about.asked), validUntil: -Infinity };
}

/** The judgement of a request that could not be judged. */
export function refuse({ method, target }: RequestHead, decision: OwnAnswer): Admission {
  const nothing = {
    generation: -1,
    authorization: undefined,
    userHeader: undefined,
    validUntil: undefined,
    asked: undefined,
  };
  return { ...nothing, method, target, identity: NOBODY, decision };
}

function decide(
  asked: AskedFor,
  identity: Identity,
  connectionBound: boolean,
  connection: PhoneConnection,
  served: ServedSnapshot | undefined,
): Forward | OwnAnswer {
  if (served === undefined) return NO_SNAPSHOT;
  const table = served.tables.get(connection.listener);
  if (table?.oldest === undefined) return NO_ROUTES;
  const route = pickRoute(table, identity.user, asked.deviceType, identity.anonymous);
  if (connectionBound) return (route ?? table.oldest).insteadOfConnectionBound;
  return route === undefined ? NO_ROUTE : { route };
}
