// The path of ActiveSync as the gateway spells it.

export const ACTIVESYNC_PATH = '/Microsoft-Server-ActiveSync';
