import { describe, expect, test } from 'vitest';
import { DeviceCensus } from './device-census.ts';

describe('the census of devices', () => {
  test('begins with none and counts each once', () => {
    const census = new DeviceCensus();
    expect(census.count()).toBe(0);
    for (let i = 0; i < 5; i++) census.add('ann@example.com', 'device');
    expect(census.count()).toBe(1);
  });

  test('tells users with the same device id apart', () => {
    const census = new DeviceCensus();
    census.add('ann', 'device');
    census.add('bob', 'device');
    expect(census.count()).toBe(2);
  });

  test.each([10, 1000, 30_000, 60_000])('counts %i within five percent', (devices) => {
    const census = new DeviceCensus();
    for (let i = 0; i < devices; i++) census.add('ann', `device${i}`);
    expect(Math.abs(census.count() - devices) / devices).toBeLessThan(0.05);
  });
});
