import type { AttentionCase } from '../../reference/case';
import { sizesOf } from '../../reference/case';
import { finfo } from '../../reference/dtype';
import { biasOf, broadcastAxes, extraColumns, extraRows } from './mask-facts';
import type { CaseConstraints, ContentKind, Presence } from './constraints';
import { contentOf } from './contents';
import { limitsOf, type Limits } from './limits';
import { hasEmptyRows } from './rows';

/** Why a case is outside of the constraints, in one sentence; undefined where it belongs. The kinds of masks say how to draw, and keep nothing out. */
export function admits(constraints: CaseConstraints, c: AttentionCase): string | undefined {
  const limits = limitsOf(constraints);
  return (
    sizesProblem(limits, c) ??
    choicesProblem(limits, c) ??
    meaningProblem(c) ??
    presenceProblem(limits, c) ??
    contentsProblem(limits, c)
  );
}

function sizesProblem(limits: Limits, c: AttentionCase): string | undefined {
  const s = sizesOf(c);
  const over = (
    [
      ['batch', s.batch, limits.maxBatch],
      ['num_heads', s.numHeads, limits.maxHeads],
      ['q_len', s.qLen, limits.maxQLen],
      ['kv_len', s.kvLen, limits.maxKvLen],
      ['head_dim', s.headDim, limits.maxHeadDim],
      ['v_head_dim', s.vHeadDim, limits.maxHeadDim],
    ] as const
  ).find(([, size, max]) => size > max || size < 1);
  if (over !== undefined)
    return over[1] < 1 ? `${over[0]} is ${over[1]}.` : `${over[0]} is ${over[1]}, more than ${over[2]}.`;
  if (s.kvLen < limits.minKvLen) return `kv_len is ${s.kvLen}, less than ${limits.minKvLen}.`;
  if (s.numHeads % s.numKvHeads !== 0) return `num_heads ${s.numHeads} is no multiple of num_kv_heads ${s.numKvHeads}.`;
  return undefined;
}

function choicesProblem(limits: Limits, c: AttentionCase): string | undefined {
  if (!limits.dtypes.includes(c.query.dtype))
    return `The dtype is ${c.query.dtype}, not ${limits.dtypes.join(' or ')}.`;
  if (!limits.bridges.includes(c.bridge)) return `The bridge is ${c.bridge}, not ${limits.bridges.join(' or ')}.`;
  if (!limits.maskRanks.includes(c.mask?.rank ?? 'none'))
    return c.mask ? `The mask has rank ${c.mask.rank}.` : 'There is no mask.';
  if (c.mask && !limits.maskForms.includes(c.mask.form))
    return `The mask is ${c.mask.form}, not ${limits.maskForms.join(' or ')}.`;
  if (c.mask?.form === 'additive') {
    const { data, dtype } = c.mask.tensor;
    if (!limits.sentinels.includes('inf') && data.includes(-Infinity)) return 'The mask drops with -inf.';
    if (!limits.sentinels.includes('finfo') && data.includes(finfo[dtype].lowest))
      return 'The mask drops with finfo.min.';
  }
  // Where no causal rule exists, isCausal true has no meaning.
  if (!limits.isCausal.includes(c.isCausal) || (c.isCausal && limits.causal === 'none')) {
    return `is_causal is ${String(c.isCausal)}.`;
  }
  for (const name of ['weights', 'scores', 'gradients'] as const)
    if (limits.want[name] && !c.want[name]) return `The case does not ask for ${name}.`;
  return undefined;
}

/** What no constraint allows, because it means nothing. */
function meaningProblem(c: AttentionCase): string | undefined {
  const { qLen, kvLen, headDim } = sizesOf(c);
  if (qLen > kvLen) {
    const odd = c.isCausal
      ? 'is_causal'
      : c.slidingWindow
        ? 'a window'
        : c.segments
          ? 'segments'
          : c.bridge === 'rotary'
            ? 'the rotary bridge'
            : undefined;
    if (odd !== undefined) return `q_len ${qLen} is more than kv_len ${kvLen}, with ${odd}.`;
  }
  if (c.mask?.rank === 4 && (c.slidingWindow || c.segments))
    return `A 4D mask says everything, yet there is ${c.slidingWindow ? 'a window' : 'segments'}.`;
  if ((c.bridge === 'rotary') !== (c.rotary !== undefined))
    return `The bridge is ${c.bridge}, ${c.rotary ? 'with' : 'without'} a rotary embedding.`;
  if (c.rotary && (c.rotary.rotaryDim % 2 !== 0 || c.rotary.rotaryDim < 2 || c.rotary.rotaryDim > headDim))
    return `rotary_dim is ${c.rotary.rotaryDim}, with head_dim ${headDim}.`;
  if (extraColumns(c) < 0 || extraRows(c) < 0) return `The mask is smaller than [q_len ${qLen}, kv_len ${kvLen}].`;
  const rows = qLen + extraRows(c);
  if (rows > qLen && (rows < kvLen || qLen > kvLen))
    return `The mask has ${rows} rows, and not every query's position among ${kvLen} keys is one of them.`;
  return undefined;
}

function presenceProblem(limits: Limits, c: AttentionCase): string | undefined {
  const { numHeads, numKvHeads, qLen, kvLen, headDim, vHeadDim } = sizesOf(c);
  return (
    problem(limits.groupedHeads, numKvHeads < numHeads, 'grouped heads') ??
    problem(limits.cache, qLen < kvLen, 'q_len < kv_len') ??
    problem(limits.crossLength, qLen > kvLen, 'q_len > kv_len') ??
    problem(limits.valueDim, vHeadDim !== headDim, 'v_head_dim other than head_dim') ??
    problem(limits.scale, c.scale !== 1 / Math.sqrt(headDim), 'a scale of its own') ??
    problem(limits.slidingWindow, c.slidingWindow !== undefined, 'a sliding window') ??
    problem(limits.segments, c.segments !== undefined, 'segments') ??
    problem(limits.softcap, c.softcap !== undefined, 'a softcap') ??
    problem(limits.broadcast, () => broadcastAxes(c) > 0, 'a broadcast axis') ??
    problem(limits.overlongKeys, extraColumns(c) > 0, 'more mask columns than keys') ??
    problem(limits.overlongRows, extraRows(c) > 0, 'more mask rows than queries') ??
    problem(limits.bias, () => biasOf(c), 'a finite bias') ??
    problem(limits.emptyRows, () => hasEmptyRows(c, limits.causal), 'a query that keeps no key')
  );
}

function problem(presence: Presence, present: boolean | (() => boolean), what: string): string | undefined {
  if (presence === 'allow') return undefined;
  const there = typeof present === 'boolean' ? present : present();
  if (there === (presence === 'always')) return undefined;
  return there ? `The case has ${what}.` : `The case lacks ${what}.`;
}

/** Which kinds of contents a number may come from, beside the exact ones, which belong to all. */
const sources: Readonly<Record<'normal' | 'large' | 'denormal', readonly ContentKind[]>> = {
  normal: ['normal', 'large'],
  large: ['large'],
  denormal: ['denormal'],
};

function contentsProblem(limits: Limits, c: AttentionCase): string | undefined {
  if (['normal', 'large', 'denormal'].every((kind) => limits.contents.includes(kind as ContentKind))) return undefined;
  for (const [name, { data, dtype }] of [
    ['query', c.query],
    ['key', c.key],
    ['value', c.value],
  ] as const) {
    for (const x of data) {
      const content = contentOf(x, dtype);
      if (content !== 'exact' && !limits.contents.some((kind) => sources[content].includes(kind)))
        return `${name} holds ${x}, which is ${content === 'denormal' ? 'subnormal' : content}.`;
    }
  }
  return undefined;
}
