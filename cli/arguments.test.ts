import { describe, expect, it } from 'vitest';
import { parseCommand } from './arguments.ts';

const parse = (line: string) => parseCommand(line.split(' ').filter(Boolean));

it('runs standalone on this machine alone unless it is told otherwise', () => {
  expect(parse('standalone config')).toEqual({
    verb: 'standalone',
    directory: 'config',
    address: '127.0.0.1',
    metrics: { host: '127.0.0.1', port: 9090 },
  });
});

it('takes addresses of both families, before and after the directory', () => {
  expect(parse('standalone --address :: config --metrics-address [::1]:0')).toMatchObject({
    directory: 'config',
    address: '::',
    metrics: { host: '::1', port: 0 },
  });
  expect(parse('standalone --address=[::1] config --metrics-address=localhost:9091')).toMatchObject({
    address: '::1',
    metrics: { host: 'localhost', port: 9091 },
  });
});

it('reads the other verbs', () => {
  expect(parse('status config')).toEqual({ verb: 'status', directory: 'config', output: 'table' });
  expect(parse('status config -o json')).toMatchObject({ output: 'json' });
  expect(parse('status -oyaml config')).toMatchObject({ output: 'yaml' });
  expect(parse('validate config')).toEqual({ verb: 'validate', directory: 'config' });
  expect(parse('translate config')).toMatchObject({ target: 'Cluster' });
  expect(parse('translate config --target standalone')).toMatchObject({ target: 'Standalone' });
});

it.each(['--help', '-h', 'help', 'standalone --help', 'standalone config -h'])(
  'gives help for "%s"',
  (line) => {
    expect(parse(line)).toEqual({ verb: 'help' });
  },
);

it('gives the version', () => {
  expect(parse('--version')).toEqual({ verb: 'version' });
});

describe('wrong usage', () => {
  it.each([
    ['', 'a command is missing'],
    ['start config', 'there is no command "start"'],
    ['constructor config', 'there is no command "constructor"'],
    ['standalone', 'standalone needs a directory'],
    ['validate a b', 'validate takes one directory, and "b" is a second'],
    ['validate config --address 127.0.0.1', 'validate takes no option --address'],
    ['status config -o xml', '--output xml: use one of table, yaml, json'],
    ['translate config --target moon', '--target moon: use one of cluster, standalone'],
    ['standalone config --address 127.0.0.1:443', 'without a port'],
    ['standalone config --metrics-address 9090', 'give host:port'],
    ['standalone config --metrics-address 127.0.0.1:70000', 'give host:port'],
    ['standalone config --colour', "Unknown option '--colour'"],
    ['standalone config --address', 'argument missing'],
  ])('"%s" is refused', (line, message) => {
    expect(() => parse(line)).toThrow(message);
  });
});
