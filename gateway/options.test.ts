import { describe, expect, test } from 'vitest';
import { parseAddress } from './address.ts';
import { readOptions, UsageError } from './options.ts';

const good = [
  '--snapshot=/snapshot',
  '--address=0.0.0.0',
  '--port=8443',
  '--metrics=0.0.0.0:9090',
  '--admin=unix:/run/admin.sock',
];

describe('the command line', () => {
  test('names directory, addresses and the optional files', () => {
    expect(readOptions([...good, '--fallback', '/last', '--step-out-file', '/podinfo/step-out'])).toEqual({
      snapshot: '/snapshot',
      fallback: '/last',
      address: '0.0.0.0',
      port: 8443,
      metrics: { kind: 'tcp', host: '0.0.0.0', port: 9090 },
      admin: { kind: 'unix', path: '/run/admin.sock' },
      stepOutFile: '/podinfo/step-out',
    });
  });

  test('asks for help whatever else is missing', () => {
    expect(readOptions(['--help'])).toBe('help');
  });

  test.each(good.map((flag) => flag.split('=')[0] ?? ''))('without %s is refused by its name', (flag) => {
    const without = good.filter((each) => !each.startsWith(`${flag}=`));
    expect(() => readOptions(without)).toThrow(new UsageError(`${flag} is required`));
  });

  test.each(['65536', '-1', 'https', '1e3', ''])('with port %j is refused', (port) => {
    expect(() => readOptions([...good, `--port=${port}`])).toThrow(UsageError);
  });
});

describe('an address', () => {
  test.each([
    ['127.0.0.1:0', { kind: 'tcp', host: '127.0.0.1', port: 0 }],
    ['localhost:9090', { kind: 'tcp', host: 'localhost', port: 9090 }],
    ['[::]:9443', { kind: 'tcp', host: '::', port: 9443 }],
    ['unix:./x.sock', { kind: 'unix', path: './x.sock' }],
  ])('%s is one', (text, address) => {
    expect(parseAddress(text)).toEqual(address);
  });

  test.each([
    '',
    'unix:',
    '9090',
    ':9090',
    'localhost',
    'localhost:',
    '::1:9090',
    'a:b:1',
    'localhost:99999',
  ])('%j is none', (text) => {
    expect(parseAddress(text)).toBeUndefined();
  });
});
