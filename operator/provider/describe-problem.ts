// A problem as one line of text.
import type { Problem } from './types.ts';

/** `file:line: message`, as editors and terminals follow it; what is not known is left out. */
export function describeProblem({ file, line, severity, message }: Problem): string {
  const place = [file, line].filter((part) => part !== undefined).join(':');
  return `${place === '' ? '' : `${place}: `}${severity === 'Warning' ? 'warning: ' : ''}${message}`;
}
