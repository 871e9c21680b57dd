import { spawnSync } from 'node:child_process';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { closeWorkers, launchOf, workerBackend } from '../../src/backends/worker';
import { checkBackend } from '../../src/check-backend';
import { checkWorker } from '../../src/protocol/conformance';

const folder = resolve(__dirname, '../../examples/worker-rust');
const spec = `exec:${join(folder, 'target', 'release', 'maskproof-worker-rust')}`;
const hasCargo = spawnSync('cargo', ['--version']).status === 0;

/** Cargo is not everywhere; where it is, the example is built by the lock file beside it. */
describe.skipIf(!hasCargo)('the example worker in Rust', () => {
  beforeAll(() => {
    const { status, stderr } = spawnSync('cargo', ['build', '--release', '--locked', '--quiet'], {
      cwd: folder,
      encoding: 'utf8',
    });
    if (status !== 0) throw new Error(`cargo build failed:\n${stderr}`);
  }, 600_000);
  afterAll(closeWorkers);

  it('keeps the protocol', async () => {
    const checks = await checkWorker(launchOf(spec));
    expect(checks.filter(({ ok }) => !ok)).toEqual([]);
  });

  it('holds every property', async () => {
    const report = await checkBackend(await workerBackend(spec), { runs: 30, seed: 20261123, reference: 'oracle' });
    const bad = report.outcomes.filter(({ status }) => status === 'violated' || status === 'failed');
    expect(
      bad.map(({ property, failure, counterexample }) => [
        property,
        failure?.message ?? counterexample?.violation.summary,
      ]),
    ).toEqual([]);
    expect(report.outcomes.some(({ status }) => status === 'held')).toBe(true);
  });
});
