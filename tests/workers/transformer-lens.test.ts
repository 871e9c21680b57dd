import { existsSync } from 'node:fs';
import { afterAll, describe, expect, it } from 'vitest';
import { properties } from '../../properties';
import type { AttentionCase, Bridge } from '../../reference/case';
import { sizesOf } from '../../reference/case';
import type { Backend } from '../../src/backend';
import { pythonBuiltin } from '../../src/backends/python-builtin';
import { closeWorkers } from '../../src/backends/worker';
import { checkBackend } from '../../src/check-backend';
import { loadKnownFailures } from '../../src/known-failures';
import { memoize, pythonWith, transformerLensRelease } from './support';

const python = pythonWith('numpy', 'torch', 'transformers', 'transformer_lens');
const isThere =
  python !== undefined && ['3.0.0b2', '3.0.0b3'].every((name) => existsSync(transformerLensRelease(name)));
const knownFailures = loadKnownFailures('known-failures/transformer-lens.json');

afterAll(closeWorkers);

/** The backend transformer-lens of a release from a folder of its own: a process for all tests. */
const load = memoize((release: string) =>
  pythonBuiltin('transformer-lens', { python, env: { ...process.env, PYTHONPATH: transformerLensRelease(release) } }),
);

/** The same, asked on one bridge alone. */
async function bridgeOf(release: string, bridge: Bridge): Promise<Backend> {
  const backend = await load(release);
  expect(backend.versions).toMatchObject({ transformer_lens: release });
  return { ...backend, supports: { ...backend.supports, bridges: [bridge] } };
}

/** What became of the law that a boolean mask equals its additive twin. */
async function booleanEqualsAdditive(release: string, bridge: Bridge) {
  const report = await checkBackend(await bridgeOf(release, bridge), {
    properties: properties.filter(({ id }) => id === 'forms/boolean-equals-additive'),
    runs: 200,
    seed: 20260313,
    reference: 'oracle',
    knownFailures,
  });
  return report.outcomes[0];
}

/** The bug that maskproof began with: 3.0.0b2 adds a boolean mask to the scores, 3.0.0b3 does not (`npm run setup:python` brings both). */
describe.skipIf(!isThere).each<Bridge>(['base', 'rotary'])('the joint-QKV bridge, %s', (bridge) => {
  it('adds a boolean mask in 3.0.0b2, which shows in a mask of two keys', async () => {
    const { status, known, counterexample } = await booleanEqualsAdditive('3.0.0b2', bridge);
    expect({ status, known }).toEqual({ status: 'violated', known: undefined });
    const { mask, ...c } = counterexample!.case as AttentionCase;
    // The release masks square scores only, so that a mask of two keys has two queries.
    expect(sizesOf(c)).toMatchObject({ batch: 1, numHeads: 1, qLen: 2, kvLen: 2 });
    expect(mask).toMatchObject({ form: 'boolean', tensor: { data: Uint8Array.of(1, 0) } });
    expect(counterexample!.violation.summary).toMatch(/differs from its boolean twin when finfo\.min drops/);
  });

  it('turns it into an additive one in 3.0.0b3', async () => {
    expect(await booleanEqualsAdditive('3.0.0b3', bridge)).toMatchObject({ status: 'held', cases: 200 });
  });
});
