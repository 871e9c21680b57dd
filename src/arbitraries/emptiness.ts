import { admits } from './admits';
import type { CaseConstraints } from './constraints';
import { Dice } from './dice';
import { drawCase } from './draw-case';
import { limitsOf, type Limits } from './limits';
import { ranksAllowed } from './masks';
import { lengthsAllowed } from './sizes';

/** Draws before giving up: only combinations of several `always` need more than one. */
const ATTEMPTS = 100;

/** Why no case can be drawn under the constraints, in one sentence; undefined where some can. */
export function emptiness(constraints: CaseConstraints): string | undefined {
  const limits = limitsOf(constraints);
  return (
    contradiction(limits) ??
    (tryToDraw(constraints, limits, new Dice(1, 2, 3)) ? undefined : refusal(constraints, limits))
  );
}

/** A case that obeys the constraints. Throws a RangeError that says why there is none. */
export function drawAdmitted(dice: Dice, constraints: CaseConstraints, limits: Limits): ReturnType<typeof drawCase> {
  const drawn = tryToDraw(constraints, limits, dice);
  if (drawn === undefined)
    throw new RangeError(`No case was drawn in ${ATTEMPTS} attempts: ${refusal(constraints, limits)}`);
  return drawn;
}

function tryToDraw(constraints: CaseConstraints, limits: Limits, dice: Dice): ReturnType<typeof drawCase> | undefined {
  const sure = isSure(limits);
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const c = drawCase(dice, limits);
    if (sure || admits(constraints, c) === undefined) return c;
  }
  return undefined;
}

const sureOnce = new WeakMap<Limits, boolean>();

/** Whether every case that is drawn obeys: nothing is ordered. */
function isSure(limits: Limits): boolean {
  let sure = sureOnce.get(limits);
  if (sure === undefined) sureOnce.set(limits, (sure = !Object.values(limits).includes('always')));
  return sure;
}

function refusal(constraints: CaseConstraints, limits: Limits): string {
  return `No case obeys all constraints together. The last one drawn does not: ${String(admits(constraints, drawCase(new Dice(1, 2, 3), limits)))}`;
}

/** What can be told without drawing. */
function contradiction(limits: Limits): string | undefined {
  const empty = (['dtypes', 'bridges', 'maskRanks', 'contents', 'isCausal'] as const).find(
    (name) => limits[name].length === 0,
  );
  if (empty !== undefined) return `No choice is left for ${empty}.`;
  if (limits.causal === 'none' && !limits.isCausal.includes(false))
    return `isCausal=[true] with causal="none": there is no causal rule.`;
  if (limits.maxHeadDim < 2 && !limits.bridges.includes('base'))
    return `The rotary bridge turns pairs of features, and maxHeadDim=${limits.maxHeadDim}.`;
  if (limits.groupedHeads === 'always' && limits.maxHeads < 2) return 'Grouped heads need two heads, and maxHeads=1.';
  if (lengthsAllowed(limits).length === 0)
    return 'No relation of q_len and kv_len is left: see cache, crossLength, maxQLen, minKvLen, maxKvLen, slidingWindow and segments.';
  if (ranksAllowed(limits).length === 0)
    return 'No mask is left: see maskRanks, maskForms, sentinels, kinds, and what is "always" there.';
  return undefined;
}
