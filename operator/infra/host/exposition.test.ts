import { Counter, Gauge, Histogram, Registry } from 'prom-client';
import { expect, it } from 'vitest';
import { mergeExpositions } from './exposition.ts';

async function gatewayMetrics(requests: number): Promise<string> {
  const registers = [new Registry()];
  const counter = new Counter({
    name: 'requests_total',
    help: 'Requests',
    labelNames: ['command'],
    registers,
  });
  counter.inc({ command: 'Sync' }, requests);
  new Gauge({ name: 'open_polls', help: 'Open polls', registers }).set(requests * 2);
  const histogram = new Histogram({ name: 'first_byte_seconds', help: 'Latency', buckets: [1], registers });
  histogram.observe(0.5);
  return await (registers[0]?.metrics() ?? '');
}

it('gives each family once, with the samples of every gateway under its label', async () => {
  const merged = mergeExpositions([
    { labels: { gateway: 'default/mail' }, text: await gatewayMetrics(1) },
    { labels: { gateway: 'default/more' }, text: await gatewayMetrics(2) },
  ]);
  expect(merged).toMatchInlineSnapshot(`
    "# HELP requests_total Requests
    # TYPE requests_total counter
    requests_total{gateway="default/mail",command="Sync"} 1
    requests_total{gateway="default/more",command="Sync"} 2
    # HELP open_polls Open polls
    # TYPE open_polls gauge
    open_polls{gateway="default/mail"} 2
    open_polls{gateway="default/more"} 4
    # HELP first_byte_seconds Latency
    # TYPE first_byte_seconds histogram
    first_byte_seconds_bucket{gateway="default/mail",le="1"} 1
    first_byte_seconds_bucket{gateway="default/mail",le="+Inf"} 1
    first_byte_seconds_sum{gateway="default/mail"} 0.5
    first_byte_seconds_count{gateway="default/mail"} 1
    first_byte_seconds_bucket{gateway="default/more",le="1"} 1
    first_byte_seconds_bucket{gateway="default/more",le="+Inf"} 1
    first_byte_seconds_sum{gateway="default/more"} 0.5
    first_byte_seconds_count{gateway="default/more"} 1
    "
  `);
});

it('escapes the label and keeps braces, commas and spaces inside label values', () => {
  const text = '# TYPE a counter\na{x="}, {",y="\\"q\\""} 1 1700000000000\n';
  expect(mergeExpositions([{ labels: { gateway: 'a"b\\c' }, text }])).toBe(
    '# TYPE a counter\na{gateway="a\\"b\\\\c",x="}, {",y="\\"q\\""} 1 1700000000000\n',
  );
});

it('takes samples without a type, and drops what is no sample', () => {
  const text = 'plain 1\n<html>\n\n# EOF\n';
  expect(mergeExpositions([{ labels: { gateway: 'g' }, text }])).toBe('plain{gateway="g"} 1\n');
});

it('is empty when there is no gateway', () => {
  expect(mergeExpositions([])).toBe('');
});
