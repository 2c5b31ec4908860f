import { describe, expect, test } from 'vitest';
import { RedirectHosts } from './allowed-hosts.ts';

const hosts = new RedirectHosts(['Outlook.Office365.com', '*.eas.example.com', 'other.example.com:8443']);

describe('a redirect leads to', () => {
  test.each([
    ['https://outlook.office365.com/Microsoft-Server-ActiveSync', 'https://outlook.office365.com'],
    ['https://OUTLOOK.office365.com:443/', 'https://outlook.office365.com'],
    ['https://eu.eas.example.com/x', 'https://eu.eas.example.com'],
    ['https://a.b.eas.example.com', 'https://a.b.eas.example.com'],
    ['https://other.example.com:8443/Microsoft-Server-ActiveSync', 'https://other.example.com:8443'],
  ])('%s', (location, server) => {
    expect(hosts.serverOf(location)).toBe(server);
  });
});

describe('a redirect leads nowhere where it names', () => {
  test.each([
    'http://outlook.office365.com/Microsoft-Server-ActiveSync',
    'https://outlook.office365.com:8443/',
    'https://outlook.office365.com.evil.example/',
    'https://evil.example/outlook.office365.com',
    'https://outlook.office365.com@evil.example/',
    'https://user:secret@outlook.office365.com/',
    'https://eas.example.com/',
    'https://evileas.example.com/',
    'https://other.example.com/',
    'https://127.0.0.1/',
    'https://[::1]/',
    'https://outlook.office365.com./',
    'javascript:alert(1)',
    '/Microsoft-Server-ActiveSync',
    '',
  ])('%j', (location) => {
    expect(hosts.serverOf(location)).toBeUndefined();
  });
});
