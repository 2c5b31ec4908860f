import { describe, expect, test } from 'vitest';
import { isActiveSyncPath } from './path.ts';

describe('the path to Exchange', () => {
  test.each([
    '/Microsoft-Server-ActiveSync',
    '/microsoft-server-activesync',
    '/MICROSOFT-SERVER-ACTIVESYNC',
    '/Microsoft-Server-ActiveSync/default.eas',
    '/Microsoft-Server-ActiveSync/Default.EAS',
  ])('%s is one of its spellings', (path) => {
    expect(isActiveSyncPath(path)).toBe(true);
  });

  test.each([
    '',
    '/',
    '*',
    'Microsoft-Server-ActiveSync',
    '/Microsoft-Server-ActiveSync/',
    '/Microsoft-Server-ActiveSync/default.eas/',
    '/Microsoft-Server-ActiveSync/default.easx',
    '/Microsoft-Server-ActiveSync/healthcheck.htm',
    '/Microsoft-Server-ActiveSync/Proxy',
    '/Microsoft-Server-ActiveSync/../owa',
    '/Microsoft-Server-ActiveSync/./default.eas',
    '/./Microsoft-Server-ActiveSync',
    '//Microsoft-Server-ActiveSync',
    '/Microsoft-Server-ActiveSync//default.eas',
    '/Microsoft%2DServer-ActiveSync',
    '/%4dicrosoft-Server-ActiveSync',
    '/Microsoft-Server-ActiveSync;x=y',
    '/Microsoft-Server-ActiveSync\n',
    '/Microsoft-Server-ActiveSync ',
    '/Microſoft-Server-ActiveSync',
    '\\Microsoft-Server-ActiveSync',
    '/owa/Microsoft-Server-ActiveSync',
    '/owa',
    '/powershell',
  ])('%j is not', (path) => {
    expect(isActiveSyncPath(path)).toBe(false);
  });
});
