// What the simulated Exchange offers: the headers that name its protocol versions and commands (MS-ASHTTP 2.2.4.1.2).
import type { Organisation } from './organisation.ts';

const commands = [
  'Sync',
  'SendMail',
  'SmartForward',
  'SmartReply',
  'FolderSync',
  'MoveItems',
  'GetItemEstimate',
  'Search',
  'Settings',
  'Ping',
  'ItemOperations',
  'Provision',
  'ResolveRecipients',
];

export function offer(organisation: Organisation): (readonly [string, string])[] {
  return [
    ['MS-ASProtocolVersions', organisation.protocolVersions.join(',')],
    ['MS-ASProtocolCommands', (organisation.kind?.commands.value ?? commands).join(',')],
  ];
}
