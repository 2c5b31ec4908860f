// All kinds of clients that the phone can play.
import { IOS_MAIL } from './ios-mail.ts';
import { LEGACY } from './legacy.ts';
import type { ClientProfile } from './profile.ts';

export const CLIENTS: readonly ClientProfile[] = [IOS_MAIL, LEGACY];

/** The kind of that name, or undefined. */
export function clientOf(name: string): ClientProfile | undefined {
  return CLIENTS.find((each) => each.name === name);
}
