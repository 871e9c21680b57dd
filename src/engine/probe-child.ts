/** The other end of `probe.ts`: loads one engine or backend, says what it found, and ends. */
import { performance } from 'node:perf_hooks';
import type { AttentionCase, FloatTensor } from '../../reference/case';
import { engineEntry, type Engine, type EngineName } from '../../reference/gpu/engines';
import { attendPacked } from '../../reference/gpu/packing';
import { builtinBackend } from '../backends/builtin';
import type { ProbeDepth, Probed } from './probe';
import { selfCheck } from './self-check';

/** Called with the arguments of the process. */
export async function main([name, what]: readonly string[]): Promise<void> {
  const answer = await (
    what === 'backend' ? askBackend(name) : askEngine(name as EngineName, what as ProbeDepth)
  ).catch((error: unknown) => {
    const failure = error instanceof Error ? error : new Error(String(error));
    return { error: { type: failure.name, message: failure.message } };
  });
  process.send?.(answer, () => process.exit(0));
}

async function askEngine(name: EngineName, depth: ProbeDepth): Promise<Probed> {
  const engine = await engineEntry(name).load();
  const { device, versions } = engine;
  const probed: Probed = { describe: engine.describe(), device, versions };
  return depth === 'load' ? probed : { ...probed, check: await selfCheck(engine), speed: await speedOf(engine) };
}

async function askBackend(name: string): Promise<Pick<Probed, 'versions'>> {
  const { versions = {} } = await builtinBackend(name);
  return { versions };
}

/** The best of three after one that warms up: others use the machine too. */
async function speedOf(engine: Engine): Promise<number> {
  const cases = Array.from({ length: 512 }, (_, n) => plainCase(n));
  let best = Infinity;
  for (let round = 0; round < 4; round++) {
    const started = performance.now();
    await attendPacked(engine, cases);
    if (round > 0) best = Math.min(best, performance.now() - started);
  }
  return (cases.length / best) * 1000;
}

/** batch 1, num_heads 2, q_len 4, kv_len 4, head_dim 4 */
function plainCase(n: number): AttentionCase {
  const tensor = (offset: number): FloatTensor => ({
    dtype: 'float32',
    shape: [1, 2, 4, 4],
    data: Float64Array.from({ length: 32 }, (_, at) => (((n + at * 7 + offset) % 17) - 8) / 4),
  });
  return { bridge: 'base', query: tensor(0), key: tensor(5), value: tensor(11), isCausal: true, scale: 0.5, want: {} };
}
