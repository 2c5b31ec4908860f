// The errors of the simulated identity provider, worded as Entra ID words them (AADSTS codes).
import { randomUUID } from 'node:crypto';

/** An OAuth error (RFC 6749 4.1.2.1, 5.2) with its AADSTS code. */
export class OAuthError extends Error {
  override readonly name = 'OAuthError';
  readonly error: string;
  readonly code: number;
  readonly status: number;

  constructor(error: string, code: number, message: string, status = 400) {
    super(`AADSTS${code}: ${message}`);
    this.error = error;
    this.code = code;
    this.status = status;
  }

  /** The JSON body of a token error. */
  toJSON(): Record<string, unknown> {
    const traceId = randomUUID();
    const correlationId = randomUUID();
    const timestamp = new Date().toISOString().replace('T', ' ').replace(/\.\d+/, '');
    return {
      error: this.error,
      error_description: `${this.message}\r\nTrace ID: ${traceId}\r\nCorrelation ID: ${correlationId}\r\nTimestamp: ${timestamp}`,
      error_codes: [this.code],
      timestamp,
      trace_id: traceId,
      correlation_id: correlationId,
      error_uri: `https://login.microsoftonline.com/error?code=${this.code}`,
    };
  }
}

export function missing(parameter: string): OAuthError {
  return new OAuthError(
    'invalid_request',
    900_144,
    `The request body must contain the following parameter: '${parameter}'.`,
  );
}
