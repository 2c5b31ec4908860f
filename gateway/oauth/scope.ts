// The scopes of a v2 request (`<resource>/<permission>`, by blanks): which of them are for the gateway, and what becomes of these.
import type { Audience } from './audience.ts';
import { decode } from './form.ts';
import { sameResource } from './resource.ts';

/** Scopes of OpenID Connect, which are about the sign-in and for no resource. */
const SIGN_IN: ReadonlySet<string> = new Set([
  'openid',
  'profile',
  'email',
  'address',
  'phone',
  'offline_access',
]);
/** RFC 6749, 3.3; anything else may be a separator to somebody. */
const TOKEN = /^[!#-[\]-~]+$/;
const SEPARATORS = /(\+|%20| )/;

/** `Gateway`: for the gateway's resource; `Other`: for another one; `Neutral`: for none. */
type Kind = 'Gateway' | 'Other' | 'Neutral';

interface Scope {
  readonly kind: Kind;
  /** As it stands in the request. */
  readonly encoded: string;
  /** What stands before it; empty for the first. */
  readonly separator: string;
}

/** The encoded value of a `scope` parameter. */
export class ScopeList {
  private readonly scopes: readonly Scope[];

  constructor(encoded: string, audience: Audience) {
    this.scopes = parse(encoded, audience);
  }

  has(kind: Kind): boolean {
    return this.scopes.some((scope) => scope.kind === kind);
  }

  /** The value with the destination in place of the gateway; every byte of permissions, separators and other scopes stays. */
  forDestination({ encodedScopeAudience }: Audience): string {
    return this.scopes
      .map(({ kind, encoded, separator }) =>
        kind === 'Gateway'
          ? separator + encodedScopeAudience + encoded.slice(lastSlash(encoded))
          : separator + encoded,
      )
      .join('');
  }

  /** The value without the scopes for the gateway; empty where there are no others. */
  withoutGateway(): string {
    const kept = this.scopes.filter(({ kind, encoded }) => kind !== 'Gateway' && encoded !== '');
    return kept.map(({ encoded, separator }, at) => (at === 0 ? encoded : separator + encoded)).join('');
  }
}

function parse(encoded: string, audience: Audience): Scope[] {
  const pieces = encoded.split(SEPARATORS);
  return pieces.flatMap((scope, at) =>
    at % 2 === 0
      ? [{ kind: kindOf(decode(scope), audience), encoded: scope, separator: pieces[at - 1] ?? '' }]
      : [],
  );
}

function kindOf(scope: string, { gatewayResource, protocol }: Audience): Kind {
  if (scope === '') return 'Neutral';
  if (!TOKEN.test(scope)) return 'Other';
  if (!/[:/]/.test(scope)) return protocol !== 'V2' || SIGN_IN.has(scope) ? 'Neutral' : 'Other';
  const slash = scope.lastIndexOf('/');
  const named = slash > 0 && slash < scope.length - 1;
  return named && sameResource(scope.slice(0, slash), gatewayResource) ? 'Gateway' : 'Other';
}

function lastSlash(encoded: string): number {
  return Math.max(encoded.lastIndexOf('/'), encoded.toLowerCase().lastIndexOf('%2f'));
}
