import { describe, expect, it } from 'vitest';
import { properties } from '../../../properties';
import { isModelCase, type Case } from '../../../reference/model-case';
import { paddingOf } from '../../../src/arbitraries/model/masks';
import type { ModelSupports, Supports } from '../../../src/backend';
import { oracleBackend } from '../../../src/backends/oracle';
import { Cells, countCase } from '../../../src/engine/coverage';
import { casesOf, drawBatch, reasonToSkip } from '../../../src/engine/draw';
import type { Outcome } from '../../../src/engine/events';
import { skipped } from '../../../src/engine/join';
import { isStarved, judgeCoverage } from '../../../src/engine/minima';
import { openReference } from '../../../src/engine/reference';
import { codeOf } from '../../../src/cli/fuzz';
import { runSuite } from '../../../src/engine/run-suite';
import { Subject } from '../../../src/engine/subject';
import { perform, type Crew } from '../../../src/engine/task';
import { resolveSupports } from '../../../src/supports';

const everything = oracleBackend().supports;
const model: ModelSupports = {
  vocab: 12,
  maxLength: 16,
  dtypes: ['float32'],
  masks: ['boolean', 'integer', 'float'],
  explicitMasks: ['boolean', 'additive'],
  positionIds: true,
  positions: 'mask',
  cache: true,
  gradients: true,
  bitwise: true,
  slidingWindow: false,
};

/** What the properties draw for a backend, as outcomes that held; `isChecked` says of which cases. */
function drawn(
  supports: Partial<Supports>,
  size: number,
  isChecked: (c: Case) => boolean = () => true,
  ids?: readonly string[],
) {
  const resolved = resolveSupports(supports);
  const outcomes = properties.flatMap((property): Outcome[] => {
    if ((ids && !ids.includes(property.id)) || reasonToSkip(property, resolved) !== undefined) return [];
    const cells = new Cells();
    for (const c of drawBatch(casesOf(property, resolved), 5, size)) countCase(cells, c, resolved.causal, isChecked(c));
    const nothing = skipped({ property: property.id, statement: property.statement, backend: 'one' }, '');
    return [
      {
        ...nothing,
        reason: undefined,
        status: 'held',
        batches: [{ batch: 0, cases: size, calls: size, rows: nothing.rows, drawn: cells.sorted }],
      },
    ];
  });
  return judgeCoverage(outcomes, [{ name: 'one', spec: 'one', versions: {}, supports: resolved }], properties);
}

describe('what the generators draw', () => {
  it.each<[string, Partial<Supports>]>([
    ['everything', {}],
    ['2D masks alone', { maskRanks: [2] }],
    ['4D additive masks alone', { maskRanks: [4], maskForms: ['additive'] }],
    ['integers and float32', { maskRanks: [2, 3], maskForms: ['boolean', 'integer'], dtypes: ['float32'] }],
    ['no masks', { maskRanks: [] }],
    ['causality alone, from the left', { causal: 'top_left', bidirectional: false }],
    ['no causality and one length', { causal: 'none', cache: false, crossLength: false }],
    ['no rotary bridge and no grouped heads', { bridges: ['base'], groupedHeads: false }],
    ['no window, no segments', { slidingWindow: false, segments: false }],
  ])('starves nothing of a backend that declares %s', (_, supports) => {
    const { judged, starved } = drawn({ ...everything, ...supports }, 150);
    expect(starved).toEqual([]);
    expect(judged).toBeGreaterThan(5);
  });

  it.each<[string, Partial<ModelSupports>]>([
    ['everything', {}],
    ['integer masks of two axes alone', { masks: ['integer'], explicitMasks: [] }],
    ['no mask', { masks: [], explicitMasks: [] }],
    ['no cache', { cache: false }],
    ['a few tokens', { maxLength: 3 }],
    ['positions of its own', { positions: 'index', positionIds: false }],
  ])('starves nothing of a model that declares %s', (_, supports) => {
    const { judged, starved } = drawn({ model: { ...model, ...supports } }, 300);
    expect(starved).toEqual([]);
    expect(judged).toBeGreaterThan(4);
  });

  it.each(
    properties.filter((property) => property.guard === undefined && property.kind !== 'model').map(({ id }) => id),
  )('starves nothing where %s is alone', (id) => {
    expect(drawn(everything, 600, () => true, [id]).starved).toEqual([]);
  });
});

describe('judgeCoverage', () => {
  it('tells what was drawn and never checked, and not once more for each pair that it is in', () => {
    const { starved } = drawn(everything, 150, (c) => isModelCase(c) || c.query.dtype !== 'float16');
    expect(starved).toEqual([
      expect.objectContaining({ backend: 'one', facets: { dtype: 'float16' }, checked: 0, required: 0.1 }),
    ]);
  });

  it('tells a pair that is missing where each of the two is there', () => {
    const { starved } = drawn(everything, 150, (c) => isModelCase(c) || !(c.bridge === 'rotary' && c.mask?.rank === 4));
    expect(starved.map(({ facets }) => facets)).toEqual([{ mask_rank: '4', bridge: 'rotary' }]);
  });

  it('tells what of whole models was never checked', () => {
    const { starved } = drawn({ model }, 150, (c) => !isModelCase(c) || paddingOf(c) !== 'interior');
    expect(starved.map(({ facets }) => facets)).toEqual([{ padding: 'interior' }]);
  });

  it('says nothing of too few cases', () => {
    expect(drawn(everything, 1, () => false)).toEqual({ judged: 0, starved: [] });
  });

  it('fails a run: what is declared and was not checked does not pass in silence', async () => {
    const property = properties.find(({ id }) => id === 'state/deterministic')!;
    const reference = await openReference('oracle');
    const subject = new Subject(oracleBackend(), reference, 60_000);
    const uncounted = (outcome: Outcome): Outcome => ({
      ...outcome,
      batches: outcome.batches?.map((batch) => ({
        ...batch,
        drawn: batch.drawn.map((cell) => (cell.cell.includes('float16') ? { ...cell, checked: 0 } : cell)),
      })),
    });
    const crew: Crew = {
      size: 1,
      async perform(task) {
        const result = await perform(subject, property, task);
        return result.type === 'batches' ? { ...result, outcomes: result.outcomes.map(uncounted) } : result;
      },
    };
    const options = { backends: [oracleBackend()], properties: [property], seed: 1, runs: 400, reference };
    const starved = await runSuite({ ...options, crew });
    expect(starved.outcomes[0].status).toBe('held');
    expect(starved.starved.map(({ facets }) => facets)).toContainEqual({ dtype: 'bfloat16' });
    expect([codeOf(starved), codeOf(await runSuite(options))]).toEqual([4, 0]);
    // A shard is too small a part to be judged.
    expect((await runSuite({ ...options, crew, shard: { index: 1, count: 1 } })).judged).toBe(0);
  });
});

describe('isStarved', () => {
  /** P(X <= hits) by adding up every term. */
  function tail(hits: number, tries: number, share: number): number {
    let term = (1 - share) ** tries;
    let sum = term;
    for (let n = 1; n <= hits; n++) {
      term *= ((tries - n + 1) / n) * (share / (1 - share));
      sum += term;
    }
    return sum;
  }

  it('is the exact binomial tail', () => {
    for (const [tries, share] of [
      [50, 0.5],
      [200, 0.1],
      [500, 0.05],
      [3_000, 0.02],
    ])
      for (let hits = 0; hits <= tries * share; hits++)
        expect([tries, share, hits, isStarved(hits, tries, share)]).toEqual([
          tries,
          share,
          hits,
          tail(hits, tries, share) < 1e-9,
        ]);
  });

  it('holds for numbers of any size', () => {
    expect(isStarved(999_000, 10_000_000, 0.1)).toBe(false);
    expect(isStarved(990_000, 10_000_000, 0.1)).toBe(true);
    expect(isStarved(2_000_000, 10_000_000, 0.1)).toBe(false);
    expect(isStarved(0, 0, 0.1)).toBe(false);
  });
});
