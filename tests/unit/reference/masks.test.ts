import { describe, expect, it } from 'vitest';
import type { AttentionCase, Conventions, Mask } from '../../../reference/case';
import { finfo } from '../../../reference/dtype';
import { biasAt, contractOf, keepGrid, keeps, rulesAt, sentinelOf } from '../../../reference/masks';
import { boolTensor, floatTensor, intTensor, zeros } from '../../../reference/tensor';
import { Dice, bottomRight, eachCell, randomCase } from './random-case';

interface Sketch {
  readonly mask?: Mask;
  readonly qLen?: number;
  readonly kvLen?: number;
  readonly batch?: number;
  readonly heads?: number;
  readonly rules?: Partial<AttentionCase>;
}

function sketch({ mask, qLen = 3, kvLen = 3, batch = 1, heads = 1, rules }: Sketch): AttentionCase {
  return {
    bridge: 'base',
    query: zeros('float32', [batch, heads, qLen, 1]),
    key: zeros('float32', [batch, heads, kvLen, 1]),
    value: zeros('float32', [batch, heads, kvLen, 1]),
    mask,
    isCausal: false,
    scale: 1,
    want: {},
    ...rules,
  };
}

/** The grid as text, a query a word: 1 kept, 0 dropped. */
function drawn(c: AttentionCase, conventions: Conventions = bottomRight): string {
  const kvLen = c.key.shape[2];
  return [...keepGrid(c, conventions)].join('').replace(new RegExp(`.{${kvLen}}(?=.)`, 'g'), '$& ');
}

const lowest = finfo.float32.lowest;

describe('what a mask keeps', () => {
  it('keeps every key without mask and rules', () => {
    expect(drawn(sketch({}))).toBe('111 111 111');
  });

  it('keeps no later key under the causal rule', () => {
    expect(drawn(sketch({ rules: { isCausal: true } }))).toBe('100 110 111');
  });

  it('lines the last query up with the last key, or the first with the first', () => {
    const cached = sketch({ qLen: 2, kvLen: 4, rules: { isCausal: true } });
    expect(drawn(cached)).toBe('1110 1111');
    expect(drawn(cached, { ...bottomRight, causal: 'top_left' })).toBe('1000 1100');
  });

  it('layers padding on top of the causal rule', () => {
    const mask: Mask = { rank: 2, form: 'boolean', tensor: boolTensor([1, 3], [0, 1, 1]) };
    expect(drawn(sketch({ mask }))).toBe('011 011 011');
    expect(drawn(sketch({ mask, rules: { isCausal: true } }))).toBe('000 010 011');
  });

  it('reads 1 of an integer mask as kept', () => {
    const mask: Mask = { rank: 2, form: 'integer', tensor: intTensor([1, 3], [1, 0, 1]) };
    expect(drawn(sketch({ mask }))).toBe('101 101 101');
  });

  it('never reads a 2D mask as [q_len, kv_len], least of all when batch is q_len', () => {
    const mask: Mask = { rank: 2, form: 'boolean', tensor: boolTensor([2, 2], [1, 1, 1, 0]) };
    expect(drawn(sketch({ mask, batch: 2, qLen: 2, kvLen: 2 }))).toBe('11 11 10 10');
  });

  it('gives each query its row of a 3D mask, the causal rule on top', () => {
    const mask: Mask = { rank: 3, form: 'boolean', tensor: boolTensor([1, 3, 3], [1, 1, 1, 0, 1, 1, 1, 0, 1]) };
    expect(drawn(sketch({ mask, rules: { isCausal: true } }))).toBe('100 010 101');
  });

  it('adds nothing to a 4D mask, causal or not', () => {
    const mask: Mask = { rank: 4, form: 'boolean', tensor: boolTensor([1, 1, 1, 3], [1, 0, 1]) };
    expect(drawn(sketch({ mask, rules: { isCausal: true } }))).toBe('101 101 101');
  });

  it('broadcasts the axes of a 4D mask that have length 1', () => {
    const mask: Mask = { rank: 4, form: 'boolean', tensor: boolTensor([1, 2, 1, 2], [1, 0, 0, 1]) };
    expect(drawn(sketch({ mask, batch: 2, heads: 2, qLen: 1, kvLen: 2 }))).toBe('10 01 10 01');
  });

  it('drops exactly finfo.min and -inf of an additive mask, and adds any other number', () => {
    const cells = [0, -1e9, lowest];
    const mask: Mask = { rank: 2, form: 'additive', tensor: floatTensor('float32', [1, 3], cells) };
    const c = sketch({ mask, qLen: 1 });
    expect(drawn(c)).toBe('110');
    expect([0, 1, 2].map((j) => biasAt(c, bottomRight, 0, 0, 0, j))).toEqual([0, -1e9, 0]);
    const other: Mask = { rank: 2, form: 'additive', tensor: floatTensor('float32', [1, 3], [-65504, -Infinity, 2]) };
    expect(drawn(sketch({ mask: other, qLen: 1 }))).toBe('101');
  });

  it('counts the neighbours of a window without the token itself', () => {
    const windowed = (left?: number, right?: number) =>
      drawn(sketch({ qLen: 4, kvLen: 4, rules: { slidingWindow: { left, right } } }));
    expect(windowed(1, 0)).toBe('1000 1100 0110 0011');
    expect(windowed(0, 1)).toBe('1100 0110 0011 0001');
    expect(windowed(undefined, 0)).toBe('1000 1100 1110 1111');
    expect(windowed(1)).toBe('1111 1111 0111 0011');
  });

  it('keeps only keys of the same segment', () => {
    const segments = intTensor([1, 3], [7, 7, 8]);
    expect(drawn(sketch({ rules: { segments } }))).toBe('110 110 001');
    expect(drawn(sketch({ qLen: 1, rules: { segments } }))).toBe('001');
  });

  it('lets the first columns of an over-long mask count', () => {
    const mask: Mask = { rank: 2, form: 'boolean', tensor: boolTensor([1, 5], [1, 0, 1, 0, 0]) };
    expect(drawn(sketch({ mask, qLen: 1 }))).toBe('101');
  });

  it.each([
    ['first', '100'],
    ['last', '001'],
    ['position', '010'],
  ] as const)('reads an over-long mask by its %s rows', (overlongRows, row) => {
    // One query at position 1 of 2 keys, three rows.
    const tensor = boolTensor([1, 3, 3], [1, 0, 0, 0, 1, 0, 0, 0, 1]);
    const c = sketch({ mask: { rank: 3, form: 'boolean', tensor }, qLen: 1, kvLen: 2 });
    expect(drawn(c, { ...bottomRight, overlongRows })).toBe(row.slice(0, 2));
  });

  it('has no row for a position beyond the mask', () => {
    const tensor = boolTensor([1, 2, 4], [1, 1, 1, 1, 1, 1, 1, 1]);
    const c = sketch({ mask: { rank: 3, form: 'boolean', tensor }, qLen: 1, kvLen: 4 });
    expect(() => keepGrid(c, { ...bottomRight, overlongRows: 'position' })).toThrow(
      'A mask of 2 rows has none at position 3: q_len=1, kv_len=4.',
    );
  });
});

describe('the rules of a pair', () => {
  it('say which of them drops it', () => {
    const mask: Mask = { rank: 2, form: 'boolean', tensor: boolTensor([1, 3], [0, 1, 1]) };
    const c = sketch({ mask, rules: { isCausal: true } });
    expect(rulesAt(c, bottomRight, 0, 0, 1, 0)).toEqual([
      { rule: 'mask', keeps: false, why: 'padding' },
      { rule: 'causal', keeps: true, why: 'the causal rule' },
    ]);
  });

  it('are the 4D mask alone where there is one', () => {
    const mask: Mask = { rank: 4, form: 'boolean', tensor: boolTensor([1, 1, 1, 3], [1, 0, 1]) };
    expect(rulesAt(sketch({ mask, rules: { isCausal: true } }), bottomRight, 0, 0, 0, 2)).toEqual([
      { rule: 'mask', keeps: true, why: 'the 4D mask' },
    ]);
  });
});

describe('a query that keeps no key', () => {
  const additive = (...cells: number[]): Mask => ({
    rank: 2,
    form: 'additive',
    tensor: floatTensor('float32', [1, 3], cells),
  });

  it.each<[string, Mask | undefined, string | undefined, string]>([
    ['boolean', { rank: 2, form: 'boolean', tensor: boolTensor([1, 3], [0, 0, 0]) }, undefined, 'zeros'],
    ['finfo.min', additive(lowest, lowest, 0), 'finfo', 'uniform'],
    ['-inf', additive(-Infinity, 0, 0), 'inf', 'nan'],
    ['mixed', additive(lowest, -Infinity, 0), 'mixed', 'unspecified'],
    ['no', undefined, undefined, 'zeros'],
  ])('follows the contract of its form: %s mask', (_, mask, sentinel, contract) => {
    expect(sentinelOf(mask)).toBe(sentinel);
    expect(contractOf(sketch({ mask }), bottomRight)).toBe(contract);
  });
});

it('the grid, the predicate and the rules agree on random cases', () => {
  const dice = new Dice(7);
  for (let n = 0; n < 2000; n++) {
    const c = randomCase(dice);
    const conventions: Conventions = {
      ...bottomRight,
      causal: dice.pick(['bottom_right', 'top_left', 'none'] as const),
      overlongRows: dice.pick(['first', 'last', 'error'] as const),
    };
    const grid = keepGrid(c, conventions);
    eachCell(c, (b, h, i, j, at) => {
      const kept = keeps(c, conventions, b, h, i, j);
      if (kept !== (grid[at] === 1)) expect.fail(`case ${n} at [${b}, ${h}, ${i}, ${j}]`);
      if (kept !== rulesAt(c, conventions, b, h, i, j).every((rule) => rule.keeps)) expect.fail(`rules of case ${n}`);
    });
  }
});
