import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { properties } from '../../../properties';
import { loadBackend } from '../../../src/backends/load';
import { mergeReports } from '../../../src/engine/merge';
import { openReference } from '../../../src/engine/reference';
import { runSuite, type SuiteOptions } from '../../../src/engine/run-suite';
import { openThreads } from '../../../src/engine/threads';
import { reportText } from '../../../src/report/json';
import { readReport } from '../../../src/report/read';
import { repeats, timeless } from '../../support/repeats';

const specs = [join(__dirname, '../../../examples/boolean-added.ts'), 'oracle'];
const setup = { load: { check: false }, reference: 'oracle', timeoutMs: 60_000 };
const crew = openThreads(2, { ...setup, specs });
afterAll(() => crew.close());
const chosen = properties.filter(({ id }) => /^(?:forms|rows|state)\//.test(id));

async function run(options: Partial<SuiteOptions>, backends = specs): Promise<string> {
  const loaded = await Promise.all(backends.map((spec) => loadBackend(spec, { check: false })));
  const report = await runSuite({
    backends: loaded,
    properties: chosen,
    seed: 1,
    runs: 10,
    timeoutMs: 60_000,
    reference: await openReference('oracle'),
    ...options,
  });
  return timeless(reportText(report));
}

describe('threads', () => {
  it.each(Array.from({ length: repeats(3) }, (_, seed) => seed))(
    'report what one thread does, byte for byte, with seed %i',
    async (seed) => {
      const one = await run({ seed });
      expect(one).toContain('"status": "violated"');
      expect(await run({ seed, crew })).toBe(one);
      const shard = { index: 2, count: 2 };
      const second = await run({ seed, shard, crew });
      expect(second).toBe(await run({ seed, shard }));
      const first = await run({ seed, shard: { index: 1, count: 2 } });
      const shards = [second, first].map((text, n) => ({ name: `${n}`, ...readReport(JSON.parse(text), `${n}`) }));
      expect(timeless(reportText(mergeReports(shards, properties)))).toBe(one);
    },
  );

  it('share a single property that is long, and --fail-fast holds for all', async () => {
    const [property] = chosen;
    const long = { properties: [property], runs: 1_000 };
    expect(await run({ ...long, crew })).toBe(await run(long));
    expect(await run({ failFast: true, crew })).toBe(await run({ failFast: true }));
  });

  it('stop when they are told to, with what was found so far', async () => {
    const controller = new AbortController();
    const report = await runSuite({
      backends: await Promise.all(specs.map((spec) => loadBackend(spec, { check: false }))),
      properties: chosen,
      seed: 1,
      runs: 1_000_000,
      reference: await openReference('oracle'),
      crew,
      signal: controller.signal,
      listeners: [(event) => event.type === 'outcome' && event.outcome.status === 'violated' && controller.abort()],
    });
    expect(report.interrupted).toBe(true);
    expect(report.outcomes).toHaveLength(2 * chosen.length);
    expect(report.outcomes.some(({ counterexample }) => counterexample !== undefined)).toBe(true);
  });

  it('a thread that a backend ends is an outcome and not the end of the run', async () => {
    const deadly = join(__dirname, '../../cli/adapters/exits.ts');
    const threads = openThreads(2, { ...setup, specs: [deadly, 'oracle'] });
    try {
      const report = JSON.parse(await run({ crew: threads }, [deadly, 'oracle'])) as {
        outcomes: { backend: string; status: string; reason?: string }[];
      };
      const deaths = report.outcomes.filter(({ status }) => status === 'failed');
      expect(deaths.length).toBeGreaterThan(0);
      expect(
        deaths.every(({ backend, reason }) => backend === 'exits' && reason?.startsWith('The thread that checked ')),
      ).toBe(true);
      expect(
        report.outcomes.filter(({ backend }) => backend === 'oracle').every(({ status }) => status === 'held'),
      ).toBe(true);
    } finally {
      await threads.close();
    }
  });
});
