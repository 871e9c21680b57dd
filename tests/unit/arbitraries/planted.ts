import type { AttentionCase } from '../../../reference/case';
import { sizesOf } from '../../../reference/case';
import { finfo } from '../../../reference/dtype';
import { keepGrid } from '../../../reference/masks';
import type { CaseConstraints } from '../../../src/arbitraries/constraints';
import { droppedCells } from '../../../src/arbitraries/shrink/edit';
import { conventions, defined, differs, type Addend } from './plain-attention';

/** A mistake that is known to show exactly where the predicate says, and the smallest case that shows it. */
export interface Planted {
  readonly name: string;
  readonly fails: (c: AttentionCase) => boolean;
  readonly domain?: CaseConstraints;
  /** batch, num_heads, num_kv_heads, q_len, kv_len, head_dim, v_head_dim */
  readonly sizes: readonly number[];
  /** Cells of the mask that drop. */
  readonly dropped?: number;
  /** Numbers of query, key and value that are not 0. */
  readonly nonzero?: number;
}

/** kept[b][h][i] as strings of 0 and 1, one a query. */
function rows(c: AttentionCase): string[] {
  const { kvLen } = sizesOf(c);
  const text = keepGrid(c, conventions).join('');
  return Array.from({ length: text.length / kvLen }, (_, n) => text.slice(n * kvLen, (n + 1) * kvLen));
}
const holes = (c: AttentionCase): boolean => rows(c).some((row) => row.includes('0') && row.includes('1'));
const square: CaseConstraints = { cache: 'never', crossLength: 'never', isCausal: [true], segments: 'never' };
const padding: CaseConstraints = { maskRanks: ['none', 2], isCausal: [false], segments: 'never' };

/** A padding mask [batch, kv_len] read as [q_len, kv_len] wherever that fits. */
const broadcastWrong: Addend = (c, b, h, i, j) => {
  const { batch, qLen } = sizesOf(c);
  return defined(c, c.mask?.rank === 2 && batch === qLen ? i : b, h, i, j);
};
/** A padding mask that lacks the causal rule. */
const causalDropped: Addend = (c, b, h, i, j) =>
  defined(c.mask?.rank === 2 ? { ...c, isCausal: false } : c, b, h, i, j);
const biasIgnored: Addend = (c, b, h, i, j) => (defined(c, b, h, i, j) === undefined ? undefined : 0);
const smallSentinel: Addend = (c, b, h, i, j) => defined(c, b, h, i, j) ?? -1e4;
const headModulo: Addend = (c, b, _, i, j) => defined(c, b, 0, i, j);

export const planted: readonly Planted[] = [
  {
    name: 'a padding mask read as [q_len, kv_len] where batch = q_len',
    fails: (c) => differs(c, broadcastWrong),
    domain: padding,
    sizes: [2, 1, 1, 2, 2, 1, 1],
    dropped: 1,
    nonzero: 1,
  },
  {
    name: 'the same where q_len has to be kv_len, causal',
    fails: (c) => differs(c, broadcastWrong),
    domain: { ...square, maskRanks: ['none', 2] },
    sizes: [2, 1, 1, 2, 2, 1, 1],
    dropped: 1,
    nonzero: 1,
  },
  {
    name: 'causality lost under a padding mask',
    fails: (c) => differs(c, causalDropped),
    domain: { ...square, maskRanks: ['none', 2, 4] },
    sizes: [1, 1, 1, 2, 2, 1, 1],
    dropped: 0,
    nonzero: 1,
  },
  { name: 'a finite bias ignored', fails: (c) => differs(c, biasIgnored), sizes: [1, 1, 1, 1, 2, 1, 1], dropped: 0 },
  {
    name: 'a sentinel of -1e4',
    fails: (c) => differs(c, smallSentinel),
    domain: { dtypes: ['float32'], contents: ['large', 'exact'], maskForms: ['boolean'] },
    sizes: [1, 1, 1, 1, 2, 1, 1],
    dropped: 1,
  },
  {
    name: 'the mask of head 0 for all heads',
    fails: (c) => differs(c, headModulo),
    sizes: [1, 2, 2, 1, 2, 1, 1],
    dropped: 1,
    nonzero: 1,
  },
  {
    name: 'a row that keeps nothing',
    fails: (c) => rows(c).some((row) => !row.includes('1')),
    sizes: [1, 1, 1, 1, 1, 1, 1],
    dropped: 1,
    nonzero: 0,
  },
  {
    name: 'the ninth key dropped while the first is kept',
    fails: (c) => rows(c).some((row) => row[0] === '1' && row[8] === '0'),
    sizes: [1, 1, 1, 1, 9, 1, 1],
    nonzero: 0,
  },
  {
    name: 'two rows that differ, from q_len 17 on',
    fails: (c) => sizesOf(c).qLen >= 17 && sizesOf(c).kvLen > 0 && new Set(rows(c).slice(0, sizesOf(c).qLen)).size > 1,
    domain: square,
    sizes: [1, 1, 1, 17, 17, 1, 1],
    nonzero: 0,
  },
  {
    name: 'two rows of a 4D mask that differ, from q_len 17 on, queries alone',
    fails: (c) => c.mask?.rank === 4 && sizesOf(c).qLen >= 17 && new Set(rows(c).slice(0, sizesOf(c).qLen)).size > 1,
    sizes: [1, 1, 1, 17, 1, 1, 1],
    dropped: 1,
    nonzero: 0,
  },
  {
    name: 'grouped heads only',
    fails: (c) => sizesOf(c).numKvHeads < sizesOf(c).numHeads && holes(c),
    sizes: [1, 2, 1, 1, 2, 1, 1],
    nonzero: 0,
  },
  {
    name: 'group size other than the number of groups, both above 1',
    fails: (c) => {
      const { numHeads, numKvHeads } = sizesOf(c);
      return numKvHeads > 1 && numHeads / numKvHeads > 1 && numHeads / numKvHeads !== numKvHeads;
    },
    sizes: [1, 6, 2, 1, 1, 1, 1],
    nonzero: 0,
  },
  {
    name: 'batch = q_len above 1, with a hole',
    fails: (c) => sizesOf(c).batch > 1 && sizesOf(c).batch === sizesOf(c).qLen && holes(c),
    sizes: [2, 1, 1, 2, 2, 1, 1],
    nonzero: 0,
  },
  {
    name: 'from kv_len 33 on',
    fails: (c) => sizesOf(c).kvLen >= 33 && holes(c),
    sizes: [1, 1, 1, 1, 33, 1, 1],
    dropped: 1,
    nonzero: 0,
  },
  {
    name: 'from kv_len 33 on where q_len has to be kv_len',
    fails: (c) => sizesOf(c).kvLen >= 33,
    domain: square,
    sizes: [1, 1, 1, 33, 33, 1, 1],
    dropped: 0,
    nonzero: 0,
  },
  {
    name: 'heads = batch above 1',
    fails: (c) => sizesOf(c).batch > 1 && sizesOf(c).batch === sizesOf(c).numHeads && holes(c),
    sizes: [2, 2, 2, 1, 2, 1, 1],
    nonzero: 0,
  },
  {
    name: 'heads = batch above 1, without grouping',
    fails: (c) => sizesOf(c).batch > 1 && sizesOf(c).batch === sizesOf(c).numHeads && holes(c),
    domain: { groupedHeads: 'never' },
    sizes: [2, 2, 2, 1, 2, 1, 1],
    nonzero: 0,
  },
  {
    name: 'all four sizes alike above 1',
    fails: (c) => {
      const s = sizesOf(c);
      return s.batch > 1 && s.batch === s.numHeads && s.batch === s.qLen && s.batch === s.kvLen && c.mask !== undefined;
    },
    sizes: [2, 2, 2, 2, 2, 1, 1],
    nonzero: 0,
  },
  {
    name: 'rotary_dim < head_dim',
    fails: (c) => c.rotary !== undefined && c.rotary.rotaryDim < c.query.shape[3],
    sizes: [1, 1, 1, 1, 1, 3, 1],
    nonzero: 0,
  },
  {
    name: 'interleaved rotary embedding with a hole',
    fails: (c) => c.rotary?.layout === 'interleaved' && holes(c),
    sizes: [1, 1, 1, 1, 2, 2, 1],
    nonzero: 0,
  },
  {
    name: 'a position that is no index',
    fails: (c) => c.rotary?.positionIds.data.some((p, n) => p !== n % sizesOf(c).kvLen) ?? false,
    sizes: [1, 1, 1, 1, 1, 2, 1],
    nonzero: 0,
  },
  {
    name: 'a window counted one too wide',
    fails: (c) =>
      differs(c, (d, b, h, i, j) =>
        defined(
          {
            ...d,
            slidingWindow: d.slidingWindow && { ...d.slidingWindow, left: (d.slidingWindow.left ?? Infinity) + 1 },
          },
          b,
          h,
          i,
          j,
        ),
      ),
    sizes: [1, 1, 1, 1, 2, 1, 1],
    nonzero: 1,
  },
  {
    name: 'segments ignored',
    fails: (c) => differs(c, (d, b, h, i, j) => defined({ ...d, segments: undefined }, b, h, i, j)),
    sizes: [1, 1, 1, 1, 2, 1, 1],
    dropped: 0,
    nonzero: 1,
  },
  {
    name: '-inf in a mask',
    fails: (c) => c.mask?.form === 'additive' && c.mask.tensor.data.includes(-Infinity),
    sizes: [1, 1, 1, 1, 1, 1, 1],
    dropped: 1,
    nonzero: 0,
  },
  {
    name: 'v_head_dim > head_dim',
    fails: (c) => sizesOf(c).vHeadDim > sizesOf(c).headDim && holes(c),
    sizes: [1, 1, 1, 1, 2, 1, 2],
    nonzero: 0,
  },
  {
    name: 'a decode step after more than two keys, with padding',
    fails: (c) => sizesOf(c).qLen === 1 && sizesOf(c).kvLen > 2 && c.mask?.rank === 2 && holes(c),
    sizes: [1, 1, 1, 1, 3, 1, 1],
    nonzero: 0,
  },
  {
    name: 'the last of three batch rows padded',
    fails: (c) => sizesOf(c).batch >= 3 && c.mask?.rank === 2 && rows(c).at(-1)?.includes('0') === true,
    sizes: [3, 1, 1, 1, 1, 1, 1],
    dropped: 1,
    nonzero: 0,
  },
  {
    name: 'a score above 100',
    fails: (c) => Math.abs(c.query.data[0] * c.key.data[0]) > 100,
    sizes: [1, 1, 1, 1, 1, 1, 1],
    nonzero: 2,
  },
  {
    name: 'a subnormal value',
    fails: (c) => c.value.data.some((x) => x !== 0 && Math.abs(x) < finfo[c.value.dtype].min),
    sizes: [1, 1, 1, 1, 1, 1, 1],
    nonzero: 1,
  },
  {
    name: 'more queries than keys, with a hole',
    fails: (c) => sizesOf(c).qLen > sizesOf(c).kvLen && holes(c),
    sizes: [1, 1, 1, 3, 2, 1, 1],
    nonzero: 0,
  },
  {
    name: 'a padded middle',
    fails: (c) => rows(c).some((row) => /10+1/.test(row)),
    sizes: [1, 1, 1, 1, 3, 1, 1],
    nonzero: 0,
  },
  {
    name: 'batch rows of different padding',
    fails: (c) =>
      c.mask?.rank === 2 &&
      sizesOf(c).batch > 1 &&
      new Set(rows(c)).size > 1 &&
      !c.isCausal &&
      c.slidingWindow === undefined &&
      c.segments === undefined,
    sizes: [2, 1, 1, 1, 1, 1, 1],
    dropped: 1,
    nonzero: 0,
  },
];

/** Whether a case is the smallest one, in sizes, dropped cells and numbers. */
export function reaches({ sizes, dropped, nonzero }: Planted, c: AttentionCase): boolean {
  if (Object.values(sizesOf(c)).join() !== sizes.join()) return false;
  if (dropped !== undefined && (c.mask ? droppedCells(c.mask).length : 0) !== dropped) return false;
  const numbers = [...c.query.data, ...c.key.data, ...c.value.data];
  return nonzero === undefined || numbers.filter((x) => x !== 0).length === nonzero;
}
