/** The heart of the suite's own tests: every property holds on the definition, and catches what it is there for. */
import { describe, expect, it } from 'vitest';
import { properties } from '../properties';
import { oracleBackend } from '../src/backends/oracle';
import type { Property } from '../src/property';
import { sizesOf } from '../reference/case';
import type { AttentionCase, Sizes } from '../reference/case';
import { mutants } from './mutants';
import { documented } from './mutants/documented';
import { modelMutants } from './mutants/models';
import { check, said } from './support/check';

/** Properties that no mutant of a single attention call can break: they ask for more than these backends give. */
const beyondOneCall = /^models\//;
const single = properties.filter(({ id }) => !beyondOneCall.test(id));

const namedBy = ({ id }: Property) => mutants.filter(({ catches }) => catches.includes(id));

describe.each(single.map((property) => [property.id, property] as const))('%s', (_id, property) => {
  it('holds on the oracle', async () => {
    expect(said(await check(oracleBackend(), property))).toBe('held');
  });

  it('has a mutant', () => {
    expect(namedBy(property)).not.toEqual([]);
  });

  it.each(namedBy(property).map((mutant) => [mutant.name, mutant] as const))(
    'catches %s',
    async (_name, { backend, refuses }) => {
      const outcome = await check(backend, property, { runs: 1000 });
      expect(said(outcome)).toMatch(refuses ? /^failed/ : /^violated/);
    },
  );
});

describe('mutants', () => {
  const ids = properties.map(({ id }) => id);

  it.each(mutants.map((mutant) => [mutant.name, mutant] as const))(
    '%s names properties that exist',
    (_name, { catches }) => {
      expect(catches.length).toBeGreaterThan(0);
      expect(catches.filter((id) => !ids.includes(id))).toEqual([]);
    },
  );

  it('show every documented mistake, or it says why no call can', () => {
    const names = [...mutants, ...modelMutants].map(({ name }) => name);
    for (const { link, shownBy = [], notHere } of documented) {
      expect(
        shownBy.filter((name) => !names.includes(name)),
        link,
      ).toEqual([]);
      expect(shownBy.length > 0, link).toBe(notHere === undefined);
    }
    const shown = (link: string) => documented.find((one) => one.link === link)?.shownBy;
    expect(mutants.filter(({ name, link }) => link && !shown(link)?.includes(name)).map(({ name }) => name)).toEqual(
      [],
    );
  });

  it('have names of their own', () => {
    expect(new Set(mutants.map(({ name }) => name)).size).toBe(mutants.length);
  });
});

/** What shrinking must come down to; sizes that are not named are one. */
const smallest: readonly (readonly [property: string, mutant: string, sizes: Partial<Sizes>])[] = [
  ['causality/four-d-is-authoritative', 'boolean-4d-added-under-causal', { kvLen: 2 }],
  ['padding/no-influence', 'padding-read-as-q-by-kv', { batch: 2, qLen: 2, kvLen: 2 }],
  ['causality/fallback', 'causal-one-too-far', { qLen: 2, kvLen: 2 }],
  ['causality/cached-equals-full', 'causal-from-the-top-left', { qLen: 2, kvLen: 2 }],
  ['padding/overlong', 'overlong-read-from-the-end', { kvLen: 2 }],
  ['composition/conjunction', 'window-one-too-wide', { kvLen: 2 }],
  ['composition/packed-equals-separate', 'segments-ignored', { kvLen: 2 }],
  ['composition/softcap', 'softcap-after-the-mask', { kvLen: 2 }],
  ['rows/fully-masked', 'empty-row-nan', {}],
  ['equivariance/heads', 'heads-tiled', { numHeads: 4, numKvHeads: 2 }],
  ['equivariance/keys', 'last-tile-skipped', { kvLen: 9 }],
  ['bridges/rotary-equals-base', 'rotary-layouts-swapped', { kvLen: 2, headDim: 4 }],
  ['bridges/same-cells', 'causality-by-position-ids', { qLen: 2, kvLen: 2, headDim: 2 }],
  ['numerics/linear-in-values', 'values-clamped', {}],
  ['state/no-history', 'mask-cached-by-shape', {}],
  ['gradients/finite', 'gradient-nan-from-empty-row', {}],
  ['gradients/zero-at-dropped', 'gradient-without-the-mask', { kvLen: 2 }],
  ['gradients/agree', 'gradient-of-the-last-head-only', { numHeads: 2 }],
];
const one: Sizes = { batch: 1, numHeads: 1, numKvHeads: 1, qLen: 1, kvLen: 1, headDim: 1, vHeadDim: 1 };

describe('the smallest case', () => {
  it.each(smallest)('%s shrinks %s', async (id, name, sizes) => {
    const property = properties.find((each) => each.id === id);
    const mutant = mutants.find((each) => each.name === name);
    if (!property || !mutant) throw new Error(`There is no ${property ? name : id}.`);
    const { counterexample } = await check(mutant.backend, property, { runs: 1000, shrinkMs: 60_000 });
    expect(counterexample && sizesOf(counterexample.case as AttentionCase)).toEqual({ ...one, ...sizes });
  });
});
