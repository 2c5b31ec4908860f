// What an answer asks of a client, and what a kind of client does about it.
import type { ClientProfile, Reaction, Situation } from './clients/profile.ts';
import { HttpFailure } from './eas-client.ts';
import { EasFailure } from './eas-failure.ts';

const SITUATIONS = new Set<string>([
  '401',
  '403',
  '449',
  '451',
  '500',
  '503',
  'status 111',
  'status 129',
  'status 138',
  'status 140',
  'status 142',
  'status 143',
  'status 144',
  'status 177',
] satisfies Situation[]);

/** The situation that an HTTP status or a status of a document is, or undefined where it is none. */
export function situationOf(status: number, isOfDocument: boolean): Situation | undefined {
  const name = isOfDocument ? `status ${status}` : String(status);
  return isSituation(name) ? name : undefined;
}

/** What this kind does about a failure; undefined where nothing is known of it. */
export function reactionTo(client: ClientProfile, failure: unknown): Reaction | undefined {
  const situation =
    failure instanceof HttpFailure
      ? situationOf(failure.status, false)
      : failure instanceof EasFailure
        ? situationOf(failure.status, true)
        : undefined;
  return situation && client.reactions[situation].value;
}

function isSituation(name: string): name is Situation {
  return SITUATIONS.has(name);
}
