/** Whole models in their real libraries, at a reduced size: MASKPROOF_MODEL_CASES for more. */
import { existsSync } from 'node:fs';
import * as fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import { modelProperties } from '../../properties/models';
import { isReal, type ModelCase } from '../../reference/model-case';
import { modelCase } from '../../src/arbitraries/model/model-case';
import { places } from '../../src/arbitraries/model/describe';
import { modelBuiltin } from '../../src/backends/model-builtin';
import { closeWorkers } from '../../src/backends/worker';
import { checkBackend } from '../../src/check-backend';
import { allowedError, logitsAt, plainCalls } from '../../src/compare/models';
import { shippedKnownFailures } from '../../src/known-failures';
import type { ModelAnswer } from '../../src/property';
import { resolveSupports } from '../../src/supports';
import { everyModelCall } from '../support/model-constraints';
import { memoize, pythonWith, transformerLensRelease } from './support';

const runs = Number(process.env.MASKPROOF_MODEL_CASES ?? 3);
const python = pythonWith('numpy', 'torch', 'transformers', 'transformer_lens', 'nnsight');
const hasHooked = existsSync(transformerLensRelease('3.9.0'));
const knownFailures = shippedKnownFailures();

afterAll(closeWorkers);

const load = memoize((spec: string) => modelBuiltin(spec, { python }));

/** The answers of a model to cases, in a session of their own. */
async function forward(spec: string, cases: readonly ModelCase[]): Promise<readonly ModelAnswer[]> {
  const session = await (await load(spec)).open();
  const answers = (await session.attend(cases as never)) as unknown as readonly ModelAnswer[];
  await session.close?.();
  return answers;
}

/** The largest difference between two answers at the positions that `at` chooses. */
function apart(c: ModelCase, one: ModelAnswer, other: ModelAnswer, at: (b: number, i: number) => boolean): number {
  const chosen = places(c).filter(([b, i]) => at(b, i));
  return Math.max(
    0,
    ...chosen.flatMap((place) => {
      const expected = logitsAt(other.logits, place);
      return Array.from(logitsAt(one.logits, place), (x, n) => Math.abs(x - expected[n]));
    }),
  );
}

describe.skipIf(python === undefined)('whole models', () => {
  const checked = [
    'hf-model-eager:gpt2',
    'hf-model-sdpa:llama',
    'transformer-bridge:gpt_neox',
    'transformer-bridge:llama',
    'nnsight:gpt2',
  ];
  const hooked = hasHooked ? ['hooked-transformer:gpt2'] : [];

  it.each([...checked, ...hooked])(
    '%s does what is known of it and nothing else',
    { timeout: 300_000 },
    async (spec) => {
      const report = await checkBackend(await load(spec), {
        properties: modelProperties,
        runs,
        seed: 20261123,
        reference: 'oracle',
        knownFailures,
        timeoutMs: 120_000,
      });
      const news = report.outcomes.filter(
        ({ status, known, fixed }) =>
          fixed !== undefined || ((status === 'violated' || status === 'failed') && known === undefined),
      );
      expect(
        news.map(({ property, failure, counterexample }) => [
          property,
          failure?.message ?? counterexample?.violation.summary,
        ]),
      ).toEqual([]);
      expect(report.outcomes.filter(({ status }) => status === 'held').length).toBeGreaterThan(5);
    },
  );
});

const old = transformerLensRelease('3.0.0b2');

describe.skipIf(python === undefined || !existsSync(old))('TransformerBridge 3.0.0b2', () => {
  it('adds explicit boolean masks, and is found out in half precision', { timeout: 300_000 }, async () => {
    const backend = await modelBuiltin('transformer-bridge:gpt2', { python, env: { ...process.env, PYTHONPATH: old } });
    for (const dtype of ['float16', 'bfloat16'] as const) {
      // It gives no cache beside its logits.
      const model = { ...resolveSupports(backend.supports).model!, dtypes: [dtype, 'float64'] as const, cache: false };
      const { outcomes } = await checkBackend(
        { ...backend, supports: { ...backend.supports, model } },
        {
          properties: modelProperties.filter(({ id }) => id === 'models/explicit-boolean'),
          runs: 10,
          seed: 20261123,
          reference: 'oracle',
          timeoutMs: 120_000,
        },
      );
      expect(outcomes.map(({ status, known }) => [status, known])).toEqual([['violated', undefined]]);
    }
  });
});

describe.skipIf(python === undefined || !hasHooked)('HookedTransformer, asked again after a longer text', () => {
  it.each([
    ['gpt2', true],
    ['bloom', false],
  ] as const)('%s gives the same bits: %s, as it declares', { timeout: 300_000 }, async (architecture, same) => {
    const spec = `hooked-transformer:${architecture}`;
    const text = (length: number): ModelCase => ({
      tokens: {
        dtype: 'int64',
        shape: [1, length],
        data: Float64Array.from({ length }, (_, i) => 3 + ((7 * i) % 29)),
      },
      dtype: 'float32',
      want: {},
    });
    const [before, again, , after] = await forward(spec, [text(8), text(8), text(40), text(8)]);
    expect(again.logits.data).toEqual(before.logits.data);
    const isSame = before.logits.data.every((x, n) => x === after.logits.data[n]);
    expect([isSame, resolveSupports((await load(spec)).supports).model?.bitwise]).toEqual([same, same]);
  });
});

describe.skipIf(python === undefined)('models of the same weights', () => {
  it.each(['gpt2', 'llama'])('eager equals sdpa in %s', { timeout: 300_000 }, async (architecture) => {
    const [eager, sdpa] = ['eager', 'sdpa'].map((name) => `hf-model-${name}:${architecture}`);
    const { model } = resolveSupports((await load(eager)).supports);
    const cases = fc.sample(
      modelCase({
        ...everyModelCall,
        vocab: model!.vocab,
        dtypes: ['float32', 'float16', 'bfloat16'],
        masks: ['none', 'boolean', 'integer', 'float', 'explicit_additive'],
      }),
      { seed: 20261123, numRuns: 4 * runs },
    );
    const [ones, others] = [await forward(eager, cases), await forward(sdpa, cases)];
    const plain = await forward(
      eager,
      cases.flatMap((c) => plainCalls(c, model!)),
    );
    for (const [n, c] of cases.entries()) {
      const allowed = 2 * allowedError(c.dtype, plain.slice(2 * n, 2 * n + 2));
      expect(apart(c, ones[n], others[n], (b, i) => isReal(c, b, i))).toBeLessThanOrEqual(allowed);
    }
  });
});
