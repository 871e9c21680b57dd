/** Runs as many cases as it is told and prints what is left on the heap. Started by memory.ts. */
import { openReference } from '../src/engine/reference';
import { runSuite } from '../src/engine/run-suite';
import { flatAttention } from './flat-attention';
import { small } from './throughput';

async function measure(runs: number): Promise<void> {
  await runSuite({
    backends: [flatAttention],
    properties: [small],
    seed: 1,
    runs,
    reference: await openReference('oracle'),
  });
  globalThis.gc?.();
  const { maxRSS } = process.resourceUsage();
  process.stdout.write(JSON.stringify({ heap: process.memoryUsage().heapUsed, peak: maxRSS * 1024 }));
}

void measure(Number(process.argv[2]));
