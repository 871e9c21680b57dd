import type { AttentionCase, SlidingWindow } from '../../reference/case';
import { float64Array } from '../../reference/small-arrays';
import { drawContents, drawGradOutput } from './contents';
import type { ContentKind, MaskKind } from './constraints';
import type { Dice } from './dice';
import type { Limits } from './limits';
import { drawMask, drawPlan } from './masks';
import { emptyOneRow, fillEmptyRows, hasEmptyRows } from './rows';
import { drawRotary } from './rotary';
import { drawSizes, lengthsAllowed, wanted, type Lengths } from './sizes';

/** What a drawn case was drawn as: it cannot be read off the case again. */
export interface Drawn {
  readonly kind: MaskKind | 'none';
  readonly contents: ContentKind;
}
const drawnAs = new WeakMap<AttentionCase, Drawn>();

/** The kinds that a case was drawn as; undefined for foreign and shrunk ones. */
export function drawnKinds(c: AttentionCase): Drawn | undefined {
  return drawnAs.get(c);
}

const lengthWeights: Readonly<Record<Lengths, number>> = { equal: 5, cached: 3, cross: 1 };
const lengthsOnce = new WeakMap<Limits, Lengths[]>();
const softcaps = [1, 2, 5, 30, 50];
const scales = [1, 0.5, 0.25, 2, 0.3, 0.7];

/** One case: every part is drawn for itself and cut to what the others leave. */
export function drawCase(dice: Dice, limits: Limits): AttentionCase {
  let choices = lengthsOnce.get(limits);
  if (choices === undefined)
    lengthsOnce.set(
      limits,
      (choices = lengthsAllowed(limits).flatMap((x) => Array.from({ length: lengthWeights[x] }, () => x))),
    );
  const lengths = dice.pick(choices);
  const cross = lengths === 'cross';
  const dtype = dice.pick(limits.dtypes);
  const bridge = cross || limits.maxHeadDim < 2 ? 'base' : dice.pick(limits.bridges);
  const isCausal = cross || limits.causal === 'none' ? false : dice.pick(limits.isCausal);
  const sizes = drawSizes(dice, limits, lengths, bridge === 'rotary');
  const { batch, numHeads, numKvHeads, qLen, kvLen, headDim, vHeadDim } = sizes;
  const plan = drawPlan(dice, limits);
  const own = !cross && plan?.rank !== 4;
  const usual = 1 / Math.sqrt(headDim);
  const scale = wanted(dice, limits.scale, 0.2) ? (scales.find((x) => x !== usual && dice.chance(0.4)) ?? 1.5) : usual;
  const contents = dice.chance(0.3) && limits.contents.includes('exact') ? 'exact' : dice.pick(limits.contents);
  const tensors = drawContents(dice, contents, {
    dtype,
    query: [batch, numHeads, qLen, headDim],
    key: [batch, numKvHeads, kvLen, headDim],
    value: [batch, numKvHeads, kvLen, vHeadDim],
    scale,
  });
  const c: AttentionCase = {
    bridge,
    ...tensors,
    mask: plan && drawMask(dice, limits, plan, sizes, dtype),
    isCausal,
    scale,
    rotary: bridge === 'rotary' ? drawRotary(dice, sizes) : undefined,
    slidingWindow: own && wanted(dice, limits.slidingWindow, 0.2) ? drawWindow(dice, kvLen) : undefined,
    softcap: wanted(dice, limits.softcap, 0.2) ? dice.pick(softcaps) : undefined,
    segments: own && wanted(dice, limits.segments, 0.2) ? drawSegments(dice, batch, kvLen) : undefined,
    want: limits.want,
    gradOutput: limits.want.gradients ? drawGradOutput(dice, dtype, [batch, numHeads, qLen, vHeadDim]) : undefined,
  };
  if (limits.emptyRows === 'never') fillEmptyRows(c, limits.causal);
  else if (limits.emptyRows === 'always' && !hasEmptyRows(c, limits.causal))
    emptyOneRow(c, limits.causal, dice.int(0, 0xffff));
  drawnAs.set(c, { kind: plan?.kind ?? 'none', contents });
  return c;
}

function drawWindow(dice: Dice, kvLen: number): SlidingWindow {
  const left = dice.int(0, Math.min(kvLen, 8));
  const right = dice.int(0, Math.min(kvLen, 8));
  const sides = dice.int(0, 2);
  return sides === 0 ? { left } : sides === 1 ? { left, right } : { right };
}

/** Documents one after the other; now and then their tokens are interleaved. */
function drawSegments(dice: Dice, batch: number, kvLen: number): AttentionCase['segments'] {
  const data = float64Array(batch * kvLen);
  const mixed = dice.chance(0.15);
  for (let n = 0; n < data.length; n++) {
    const before = n % kvLen === 0 ? 0 : data[n - 1];
    data[n] = mixed ? dice.int(0, 1) : n % kvLen > 0 && dice.chance(0.35) ? before + 1 : before;
  }
  return { dtype: 'int64', shape: [batch, kvLen], data };
}
