// What goes wrong at the API server, without bodies and headers: those could carry a secret into a log.

/** An answer of the API server that is not a success. */
export class ApiError extends Error {
  override readonly name = 'ApiError';
  /** HTTP status. */
  readonly status: number;
  /** The `reason` of the API's Status, such as `Conflict` or `NotFound`. */
  readonly reason: string;
  /** Seconds to wait, as the server said; undefined when it did not. */
  readonly retryAfterSeconds: number | undefined;

  constructor(
    status: number,
    reason: string,
    options: { request: string; message?: string | undefined; retryAfterSeconds?: number | undefined },
  ) {
    super(
      `The API server answered ${options.request} with ${status} ${reason}${options.message === undefined ? '' : `: ${options.message}`}`,
    );
    this.status = status;
    this.reason = reason;
    this.retryAfterSeconds = options.retryAfterSeconds;
  }
}

/** True for the answer to a request for an object that does not exist. */
export function isNotFound(error: unknown): boolean {
  return error instanceof ApiError && error.status === 404;
}

/** True when the object has changed since it was seen, or was made meanwhile. */
export function isConflict(error: unknown): boolean {
  return error instanceof ApiError && error.status === 409;
}

/** True where a list or watch must begin anew: its resourceVersion is no longer kept. */
export function isExpired(error: unknown): boolean {
  return error instanceof ApiError && (error.status === 410 || error.reason === 'Expired');
}

/**
 * True where the API server is unreachable, overloaded or does not know our token (yet, or any more), rather than the
 * request or our code wrong.
 */
export function isServerTrouble(error: unknown): boolean {
  if (error instanceof ApiError) return error.status === 401 || error.status === 429 || error.status >= 500;
  return error instanceof Error && typeof (error as NodeJS.ErrnoException).code === 'string';
}
