// The fuzzer of gateway/eas: node test/gateway/eas/fuzz.ts [--minutes N | --seconds 20] [--seed N]. Exit 1 with the body that failed.
import { randomInt } from 'node:crypto';
import { parseArgs } from 'node:util';
import { Random } from '../http/fuzz-inputs.ts';
import { checkLook } from './fuzz-looks.ts';
import { PipelineFuzzer } from './fuzz-pipeline.ts';

/** Far above what a healthy run needs, far below what a leak reaches in minutes. */
const MAX_RSS = 600_000_000;
const LOOKS_A_BATCH = 1000;
const REQUESTS_A_BATCH = 25;

const { values } = parseArgs({
  options: { minutes: { type: 'string' }, seconds: { type: 'string' }, seed: { type: 'string' } },
});
const seconds = values.minutes === undefined ? Number(values.seconds ?? 20) : Number(values.minutes) * 60;
const seed = Number(values.seed ?? randomInt(2 ** 32));
console.log(`fuzzing for ${seconds} s with seed ${seed}`);
const random = new Random(seed);
const pipeline = await PipelineFuzzer.start(random);
const counts = { looks: 0, understood: 0, requests: 0 };
const end = performance.now() + seconds * 1000;
try {
  while (performance.now() < end) {
    for (let i = 0; i < LOOKS_A_BATCH; i++) counts.understood += checkLook(random);
    counts.looks += LOOKS_A_BATCH;
    await pipeline.run(REQUESTS_A_BATCH);
    counts.requests += REQUESTS_A_BATCH;
    const { rss } = process.memoryUsage();
    if (rss > MAX_RSS) throw new Error(`the process has grown to ${rss} bytes`);
  }
  const rss = Math.round(process.memoryUsage().rss / 1e6);
  console.log(`clean: ${JSON.stringify({ ...counts, rssMB: rss })}`);
} catch (error) {
  console.error(`seed ${seed}, after ${JSON.stringify(counts)}:`, error);
  process.exitCode = 1;
} finally {
  await pipeline.stop();
}
