import { isDeepStrictEqual } from 'node:util';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isReal, modelProblemOf, modelSizesOf, sees, type ModelCase } from '../../../reference/model-case';
import { admitsModel } from '../../../src/arbitraries/model/admits';
import {
  paddedOn,
  realIndices,
  rowAlone,
  withMaskSaidAs,
  withTokensChanged,
} from '../../../src/arbitraries/model/changes';
import { modelMasks, paddings, type ModelConstraints } from '../../../src/arbitraries/model/constraints';
import { describeModelCase, places, withOtherTokens } from '../../../src/arbitraries/model/describe';
import { modelCase, modelEmptiness } from '../../../src/arbitraries/model/model-case';
import { modelSizeOf, shrinkModelCase } from '../../../src/arbitraries/model/shrink';
import { isSmaller } from '../../../src/arbitraries/shrink/measure';
import { everyModelCall } from '../../support/model-constraints';

const domains: Readonly<Record<string, Partial<ModelConstraints>>> = {
  everything: {},
  'no mask': { masks: ['none'] },
  'explicit masks': { masks: ['explicit_boolean', 'explicit_additive'] },
  'left padding of integers': { masks: ['integer'], paddings: ['left'] },
  'a cache in every case': { chunks: 'always', positionIds: 'never' },
  'positions in every case': { positionIds: 'always' },
  'positions beside explicit masks': { explicitIsPlaced: true },
  'two rows at least': { minBatch: 2, minLength: 2 },
  'rows of padding': { masks: ['boolean', 'explicit_additive'], paddings: ['rows'] },
  gradients: { want: { gradients: true }, chunks: 'never' },
};

const draw = (domain: Partial<ModelConstraints>, numRuns = 150, seed = 7): ModelCase[] =>
  fc.sample(modelCase({ ...everyModelCall, ...domain }), { seed, numRuns });

describe.each(Object.entries(domains))('model cases of %s', (_name, domain) => {
  const constraints = { ...everyModelCall, ...domain };

  it('obey the constraints, and mean something', () => {
    for (const c of draw(domain)) {
      expect(modelProblemOf(c)).toBeUndefined();
      expect(admitsModel(constraints, c)).toBeUndefined();
    }
  });

  it('are the same for the same seed', () => {
    expect(draw(domain, 40)).toStrictEqual(draw(domain, 40));
    expect(draw(domain, 40, 8)).not.toStrictEqual(draw(domain, 40));
  });

  it('shrink to smaller ones that obey the constraints, each once', () => {
    for (const c of draw(domain, 40)) {
      const candidates = [...shrinkModelCase(c, constraints)];
      for (const candidate of candidates) {
        expect(modelProblemOf(candidate)).toBeUndefined();
        expect(admitsModel(constraints, candidate)).toBeUndefined();
        expect(isSmaller(modelSizeOf(candidate), modelSizeOf(c))).toBe(true);
      }
      const [first, ...others] = candidates;
      expect(others.some((other) => isDeepStrictEqual(other, first))).toBe(false);
    }
  });
});

/** Takes the first candidate that still fails, until none does. */
function minimal(c: ModelCase, fails: (c: ModelCase) => boolean): ModelCase {
  let smallest = c;
  for (;;) {
    const next = [...shrinkModelCase(smallest, everyModelCall)].find(fails);
    if (next === undefined) return smallest;
    smallest = next;
  }
}

describe('shrinking', () => {
  const failing = (fails: (c: ModelCase) => boolean) => draw({}, 400).filter(fails).slice(0, 12);

  it('finds the smallest case with padding on the left', () => {
    const fails = (c: ModelCase) => places(c).some(([b, i]) => i > 0 && isReal(c, b, i) && !isReal(c, b, i - 1));
    for (const c of failing(fails)) {
      const { tokens, mask, chunks, positionIds, dtype } = minimal(c, fails);
      expect([...tokens.data]).toEqual([0, 0]);
      expect(mask).toMatchObject({ rank: 2, form: 'boolean', tensor: { data: Uint8Array.of(0, 1) } });
      expect({ chunks, positionIds, dtype }).toEqual({ chunks: undefined, positionIds: undefined, dtype: 'float32' });
    }
  });

  it('finds the smallest case that is read in two pieces', () => {
    const fails = (c: ModelCase) => (c.chunks?.length ?? 0) > 1;
    for (const c of failing(fails)) {
      const { tokens, mask, chunks } = minimal(c, fails);
      expect(tokens.shape).toEqual([1, 2]);
      expect(mask).toBeUndefined();
      expect(chunks).toEqual([1, 1]);
    }
  });

  it('keeps the token that matters', () => {
    const fails = (c: ModelCase) => c.tokens.data.includes(7);
    for (const c of failing(fails)) expect([...minimal(c, fails).tokens.data]).toEqual([7]);
  });
});

describe('emptiness', () => {
  it.each([
    [{ masks: [] }, 'No choice is left for masks.'],
    [{ minLength: 9 }, 'No length is left: minLength=9, maxLength=8.'],
    [{ minBatch: 4 }, 'No batch is left: minBatch=4, maxBatch=3.'],
  ] as const)('%j', (domain, reason) => {
    expect(modelEmptiness({ ...everyModelCall, ...domain })).toBe(reason);
    expect(() => modelCase({ ...everyModelCall, ...domain })).toThrow(reason);
  });
});

describe('variants of a model case', () => {
  const drawn = draw({}, 200);

  it('say the same mask in every form', () => {
    for (const c of drawn) {
      for (const kind of modelMasks.slice(1)) {
        const other = withMaskSaidAs(c, kind);
        expect(modelProblemOf(other)).toBeUndefined();
        const { seqLen } = modelSizesOf(c);
        for (const [b, i] of places(c)) {
          for (let j = 0; j < seqLen; j++) expect(sees(other, b, i, j)).toBe(sees(c, b, i, j));
        }
      }
    }
  });

  it('pad on the side that was asked for, and keep the text', () => {
    for (const c of drawn) {
      for (const side of ['left', 'right'] as const) {
        const other = paddedOn(c, side, 2);
        expect(modelProblemOf(other)).toBeUndefined();
        expect(other.tokens.shape).toEqual([c.tokens.shape[0], c.tokens.shape[1] + 2]);
        for (let b = 0; b < c.tokens.shape[0]; b++) {
          expect(rowAlone(other, b).tokens).toEqual(rowAlone(c, b).tokens);
          const real = realIndices(other, b);
          const length = other.tokens.shape[1];
          expect(real.every((i, n) => i === n + (side === 'left' ? length - real.length : 0))).toBe(true);
        }
      }
    }
  });

  it('change the tokens that they were told to, and no others', () => {
    for (const c of drawn) {
      const other = withTokensChanged(c, 12, (b, i) => !isReal(c, b, i));
      for (const [n, [b, i]] of places(c).entries())
        expect(other.tokens.data[n] === c.tokens.data[n]).toBe(isReal(c, b, i));
    }
  });

  it('have other tokens that a small vocabulary knows', () => {
    for (const c of drawn) expect(withOtherTokens(c, 3).tokens.data.every((id) => id < 12)).toBe(true);
  });
});

it('all kinds of model case are drawn', () => {
  const counts = new Map<string, number>();
  for (const c of draw({}, 1000)) {
    for (const { facet, value } of describeModelCase(c)) {
      const cell = `${facet}=${value}`;
      counts.set(cell, (counts.get(cell) ?? 0) + 1);
    }
  }
  const due = [
    ...modelMasks.map((kind) => `model_mask=${kind}`),
    ...paddings.map((kind) => `padding=${kind}`),
    'decoding=one_shot',
    'decoding=cached',
    'position_ids=own',
    'position_ids=given',
    'batch=one',
    'batch=many',
  ];
  for (const cell of due) expect([cell, (counts.get(cell) ?? 0) > 40]).toEqual([cell, true]);
});
