// The answer to a command that succeeded as far as HTTP is concerned: 200 with a WBXML document.
import type { Reply } from '../server/reply.ts';
import type { Element } from '../wbxml/element.ts';
import { encode } from '../wbxml/encode.ts';

export function documentReply(root: Element, headers: readonly (readonly [string, string])[] = []): Reply {
  return {
    status: 200,
    headers: [['Content-Type', 'application/vnd.ms-sync.wbxml'], ...headers],
    body: encode(root),
  };
}
