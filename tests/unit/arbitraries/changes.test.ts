import { describe, expect, it } from 'vitest';
import type { AttentionCase } from '../../../reference/case';
import { sizesOf } from '../../../reference/case';
import { finfo, round } from '../../../reference/dtype';
import { keepGrid } from '../../../reference/masks';
import { problemOf } from '../../../reference/validate';
import * as changes from '../../../src/arbitraries/changes';
import { attentionCase } from '../../../src/arbitraries/attention-case';
import type { CaseConstraints } from '../../../src/arbitraries/constraints';
import { drawBatch } from '../../../src/engine/draw';
import { laboratory } from '../../support/context';

const { supports } = laboratory();
const draw = (constraints: CaseConstraints, runs = 150): AttentionCase[] =>
  drawBatch(attentionCase(constraints), 11, runs);
const masked = draw({ maskRanks: [2, 3, 4] });

/** The grid of a case that is one. */
function gridOf(c: AttentionCase): Uint8Array {
  expect(problemOf(c, supports)).toBeUndefined();
  return keepGrid(c, supports);
}

describe('other ways to say a mask', () => {
  it.each([
    ['additive with finfo.min', (c) => changes.withForm(c, 'additive', 'finfo')],
    ['additive with -inf', (c) => changes.withForm(c, 'additive', 'inf')],
    ['boolean', (c) => changes.withForm(c, 'boolean')],
    ['written out', changes.withMaskWrittenOut],
    ['an explicit 4D mask', (c) => changes.asExplicit4d(c, supports)],
    ['more columns than keys', (c) => changes.withExtraColumns(c, 3)],
  ] satisfies [string, (c: AttentionCase) => AttentionCase][])('%s keeps the same cells', (_name, change) => {
    for (const c of masked) expect(gridOf(change(c))).toEqual(gridOf(c));
  });

  it('integers keep the same keys', () => {
    for (const c of draw({ maskRanks: [2] })) expect(gridOf(changes.withForm(c, 'integer'))).toEqual(gridOf(c));
  });

  it('rows are added where each convention does not read', () => {
    for (const c of draw({ maskRanks: [3, 4], broadcast: 'never' })) {
      const { qLen, kvLen } = sizesOf(c);
      const before = keepGrid(c, supports);
      expect(keepGrid(changes.withExtraRows(c, 0, 2), { ...supports, overlongRows: 'first' })).toEqual(before);
      expect(keepGrid(changes.withExtraRows(c, 2, 0), { ...supports, overlongRows: 'last' })).toEqual(before);
      if (kvLen < qLen) continue;
      const position = changes.withExtraRows(c, kvLen - qLen, kvLen === qLen ? 1 : 0);
      expect(keepGrid(position, { ...supports, overlongRows: 'position' })).toEqual(before);
    }
  });

  it('a full mask keeps every key, and a boolean one survives the way there and back', () => {
    for (const c of draw({ maskRanks: ['none'], isCausal: [false], slidingWindow: 'never', segments: 'never' }, 50)) {
      for (const rank of [2, 3, 4] as const) expect(gridOf(changes.withFullMask(c, rank, 'additive'))).not.toContain(0);
    }
    for (const c of draw({ maskRanks: [2, 3, 4], maskForms: ['boolean'] }, 50)) {
      expect(changes.withForm(changes.withForm(c, 'additive', 'inf'), 'boolean').mask).toEqual(c.mask);
    }
  });
});

describe('parts of a case', () => {
  it('a batch row keeps what it kept among others', () => {
    for (const c of masked) {
      const { batch } = sizesOf(c);
      const one = gridOf(changes.takeBatch(c, [batch - 1]));
      expect(one).toEqual(gridOf(c).slice(-one.length));
    }
  });

  it('all heads, queries and keys in their order are the case itself', () => {
    for (const c of masked) {
      const { numHeads, numKvHeads, qLen, kvLen } = sizesOf(c);
      const { range } = changes;
      const all = changes.takeKeys(
        changes.takeQueries(changes.takeHeads(c, range(numHeads), range(numKvHeads)), range(qLen)),
        range(kvLen),
      );
      expect(all).toEqual(c);
    }
  });

  it('repeated heads read what grouped ones read', () => {
    for (const c of draw({ groupedHeads: 'always' }, 50)) {
      const repeated = changes.withRepeatedHeads(c);
      const { numHeads } = sizesOf(c);
      expect(sizesOf(repeated).numKvHeads).toBe(numHeads);
      const head = c.key.data.length / c.key.shape[0] / c.key.shape[1];
      for (let h = 0; h < numHeads; h += 1) {
        const start = changes.kvHeadOf(c, h) * head;
        expect(repeated.key.data.slice(h * head, (h + 1) * head)).toEqual(c.key.data.slice(start, start + head));
      }
    }
  });
});

describe('other contents', () => {
  it('every number of the keys in question is another, and a number of the dtype; the rest stays', () => {
    for (const c of masked) {
      const which: changes.KeySet = (b, hkv, j) => (b + hkv + j) % 2 === 0;
      const changed = changes.withKeysReplaced(c, which, 3);
      const { numKvHeads, kvLen } = sizesOf(c);
      for (const name of ['key', 'value'] as const) {
        const features = c[name].shape[3];
        c[name].data.forEach((old, n) => {
          const key = Math.floor(n / features);
          const b = Math.floor(key / (kvLen * numKvHeads));
          const now = changed[name].data[n];
          expect(now === old).toBe(!which(b, Math.floor(key / kvLen) % numKvHeads, key % kvLen));
          expect(round(now, c[name].dtype)).toBe(now);
        });
      }
    }
  });

  it('an intervention speaks of rows that keep a key and none of those it changes', () => {
    for (const c of masked) {
      const keep = keepGrid(c, supports);
      const { numHeads, qLen, kvLen } = sizesOf(c);
      for (const { rows, which } of changes.interventions(c, keep, changes.droppedKeySets(c, keep))) {
        rows.forEach((some, row) => {
          const b = Math.floor(row / (numHeads * qLen));
          const hkv = changes.kvHeadOf(c, Math.floor(row / qLen) % numHeads);
          const kept = changes.range(kvLen).filter((j) => keep[row * kvLen + j] === 1);
          expect(some === 1).toBe(kept.length > 0 && !kept.some((j) => which(b, hkv, j)));
        });
      }
    }
  });

  it('scores as far apart as they may be stay numbers, and below finfo.max / 4', () => {
    let asked = 0;
    for (const c of masked) {
      const keep = keepGrid(c, supports);
      const far = changes.extremes(c, keep);
      if (far === undefined) continue;
      asked++;
      const { dtype } = c.query;
      const headDim = c.query.shape[3];
      const longest = (data: Float64Array) =>
        Math.max(
          ...changes.range(data.length / headDim).map((n) => Math.hypot(...data.slice(n * headDim, (n + 1) * headDim))),
        );
      for (const one of [far.low, far.apart]) {
        expect(longest(one.query.data) * longest(one.key.data) * Math.max(1, c.scale)).toBeLessThanOrEqual(
          finfo[dtype].max / 4,
        );
        expect(one.key.data.every((x) => round(x, dtype) === x)).toBe(true);
      }
      expect(far.rows).toContain(1);
    }
    expect(asked).toBeGreaterThan(10);
  });

  it('a set of keys is overwritten once, however many rows drop it', () => {
    const [c] = draw(
      {
        maskRanks: [2],
        isCausal: [false],
        slidingWindow: 'never',
        segments: 'never',
        kinds: ['left_padding'],
        groupedHeads: 'never',
      },
      1,
    );
    expect(changes.droppedKeySets(c, keepGrid(c, supports)).length).toBeLessThanOrEqual(1);
  });
});
