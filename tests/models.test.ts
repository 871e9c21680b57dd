/** The laws of whole models: each holds on a small right one, and catches what it is there for. */
import { describe, expect, it } from 'vitest';
import { modelProperties } from '../properties/models';
import type { FloatType } from '../reference/case';
import { modelSizesOf, type ModelCase } from '../reference/model-case';
import type { Backend } from '../src/backend';
import type { ModelProperty } from '../src/property';
import { modelMutants } from './mutants/models';
import { modelBackendOf, TinyModel } from './mutants/tiny-model';
import { casesFromEnvironment, check, said } from './support/check';

/** Derivatives are differences of a hundred calls. */
const isDear = ({ needs }: ModelProperty) => needs.abilities?.includes('gradients') ?? false;
/** The dtypes that laws are asked of: float64 is what their errors are measured against. */
const dtypes = ['float32', 'float16', 'bfloat16'] as const;
const inDtypes = (backend: Backend, ...names: readonly FloatType[]): Backend => ({
  ...backend,
  supports: { ...backend.supports, model: { ...backend.supports.model!, dtypes: [...names, 'float64'] } },
});
const right = inDtypes(modelBackendOf('tiny-model', TinyModel), ...dtypes);
const namedBy = ({ id }: ModelProperty) => modelMutants.filter(({ catches }) => catches.includes(id));

describe.each(modelProperties.map((property) => [property.id, property] as const))('%s', (_id, property) => {
  it.each([1, 2, 3])('holds on a right model, seed %i', async (seed) => {
    const runs = isDear(property) ? 15 : Math.ceil(casesFromEnvironment / 3);
    expect(said(await check(right, property, { seed, runs }))).toBe('held');
  });

  it('has a mutant', () => {
    expect(namedBy(property)).not.toEqual([]);
  });

  it.each(namedBy(property).flatMap((mutant) => dtypes.map((dtype) => [mutant.name, dtype, mutant] as const)))(
    'catches %s in %s',
    async (_name, dtype, { backend }) => {
      const runs = isDear(property) ? 100 : 400;
      expect(said(await check(inDtypes(backend, dtype), property, { runs }))).toMatch(/^violated/);
    },
  );
});

describe('mutants of models', () => {
  const ids = modelProperties.map(({ id }) => id);

  it.each(modelMutants.map((mutant) => [mutant.name, mutant] as const))('%s names laws that exist', (_name, mutant) => {
    expect(mutant.catches.filter((id) => !ids.includes(id))).toEqual([]);
  });
});

/** What shrinking must come down to: batch and seq_len. */
const smallest: readonly (readonly [property: string, mutant: string, batch: number, seqLen: number])[] = [
  ['models/padding-content', 'padding-visible', 1, 2],
  ['models/padding-side', 'positions-count-padding', 1, 1],
  ['models/no-future', 'future-visible-under-a-padding-mask', 1, 2],
  ['models/cached-equals-one-shot', 'cache-offset-ignored', 1, 2],
  ['models/rows-apart', 'cache-shared-by-rows', 2, 1],
  ['models/explicit-additive', 'explicit-mask-without-the-first-token', 1, 2],
  ['models/finite', 'empty-row-poisons-the-batch', 2, 1],
];

describe('the smallest model case', () => {
  it.each(smallest)('%s shrinks %s', async (id, name, batch, seqLen) => {
    const property = modelProperties.find((each) => each.id === id)!;
    const { backend } = modelMutants.find((each) => each.name === name)!;
    const { counterexample } = await check(backend, property, { runs: 400, shrinkMs: 60_000 });
    expect(counterexample && modelSizesOf(counterexample.case as ModelCase)).toEqual({ batch, seqLen });
  });
});
