// What the OAuth endpoints answer themselves (RFC 6749, 5.2). Descriptions are constants: nothing of a request comes back in them.
import { HeaderList } from '../http/headers.ts';
import { MAX_BODY_BYTES, type PlainAnswer } from '../http/plain-answer.ts';
import type { OAuthErrorCode, Rewritten } from './rewrite.ts';

/** Seconds after which a phone is to ask again. */
const RETRY_AFTER = '30';

/** The answer to a body above `MAX_BODY_BYTES`. */
export function bodyTooLarge(): PlainAnswer {
  return errorAnswer(400, 'invalid_request', `the body is larger than ${MAX_BODY_BYTES} bytes`);
}

/** A status alone. */
export function bareAnswer(status: number): PlainAnswer {
  return { status, headers: new HeaderList(), body: Buffer.alloc(0) };
}

export function redirectTo(location: string): PlainAnswer {
  const headers = HeaderList.of(['Location', location], ['Cache-Control', 'no-store']);
  return { status: 302, headers, body: Buffer.alloc(0) };
}

export function methodNotAllowed(allowed: string): PlainAnswer {
  const answer = errorAnswer(405, 'invalid_request', `this endpoint answers ${allowed} alone`);
  answer.headers.append('Allow', allowed);
  return answer;
}

export function refusal({ error, description }: Extract<Rewritten, { ok: false }>): PlainAnswer {
  return errorAnswer(400, error, description);
}

export function unavailable(description: string): PlainAnswer {
  const answer = errorAnswer(503, 'temporarily_unavailable', description);
  answer.headers.append('Retry-After', RETRY_AFTER);
  return answer;
}

export function errorAnswer(status: number, error: OAuthErrorCode, description: string): PlainAnswer {
  return jsonAnswer(status, { error, error_description: description });
}

export function jsonAnswer(status: number, content: object): PlainAnswer {
  return {
    status,
    headers: HeaderList.of(['Content-Type', 'application/json'], ['Cache-Control', 'no-store']),
    body: Buffer.from(JSON.stringify(content)),
  };
}
