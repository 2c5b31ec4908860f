// All kinds of clients that the phone can play.
import { EMAIL_PLUS } from './email-plus.ts';
import { GMAIL } from './gmail.ts';
import { IOS_MAIL } from './ios-mail.ts';
import { LEGACY } from './legacy.ts';
import type { ClientProfile } from './profile.ts';
import { RUDE } from './rude.ts';
import { SAMSUNG_MAIL } from './samsung-mail.ts';
import { WINDOWS_MAIL } from './windows-mail.ts';

export const CLIENTS: readonly ClientProfile[] = [
  IOS_MAIL,
  GMAIL,
  SAMSUNG_MAIL,
  EMAIL_PLUS,
  WINDOWS_MAIL,
  LEGACY,
  RUDE,
];

/** The kind of that name, or undefined. */
export function clientOf(name: string): ClientProfile | undefined {
  return CLIENTS.find((each) => each.name === name);
}
