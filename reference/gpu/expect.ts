/**
 * The expectation of cases out of launches: the reference's own numbers, and how far the backend may be from them, both errors included.
 * Where the bounds make no claim (float64, NaN among the inputs, errors that are no small sums, numbers near overflow) the answer is undefined
 * and the oracle has to be asked. Section 9 of docs/numerics.md.
 */
import { type AttentionCase, type Conventions, type FloatType, sizesOf } from '../case';
import { gamma } from '../charges';
import { finfo, halfUlp, round } from '../dtype';
import { type Expectation, type Interval, RowState } from '../expectation';
import { follows } from '../followed';
import {
  intervalOf,
  type LastRounding,
  lastRoundingOf,
  lastUlp,
  writeAnything,
  writeAround,
  writeExactly,
} from '../interval';
import type { Precision } from '../precision';
import { type Bound, boundOf, emptyTerms, type ErrorTerms, farthest, largestError, placeTerms } from './bound';
import type { Engine } from './engines';
import { cellStarts, dueOfEmpty, type Laid, layOut } from './layout';
import { inLaunches, read } from './launches';
import { paddedRow, refuses } from './packing';
import { attentionAndSums, emptyValues, partsOf, placeValues, type Summed, type ValueTerms } from './sums';

/** Who is judged. */
export interface Judged {
  readonly conventions: Conventions;
  readonly precisionOf: (dtype: FloatType) => Precision;
}

/** One expectation a case, in order; undefined where the oracle has to be asked. Weights and scores are there where the case wants them, else empty. */
export async function expectPacked(
  engine: Engine,
  cases: readonly AttentionCase[],
  judged: Judged,
): Promise<(Expectation | undefined)[]> {
  const own = engine.precision;
  const bounds = new Map<AttentionCase, Bound>();
  for (const c of cases) {
    const bound = claimed(c, judged, own);
    if (bound !== undefined) bounds.set(c, bound);
  }
  const able = cases.filter((c) => bounds.has(c));
  const given = await inLaunches(
    engine,
    able,
    (part) => launch(engine, part, judged, bounds),
    () => undefined,
  );
  const expectations = new Map(able.map((c, n) => [c, given[n]]));
  return cases.map((c) => expectations.get(c));
}

/** The bound of a case that the reference makes a claim about, as far as that shows before it is launched. */
function claimed(c: AttentionCase, { conventions, precisionOf }: Judged, own: Precision): Bound | undefined {
  if (c.want.gradients || refuses(c, conventions) !== undefined) return undefined;
  const declared = precisionOf(c.query.dtype);
  // Following a rounding needs every score by itself.
  if (declared.accumulate.type === 'float64' || follows(declared)) return undefined;
  for (const { data } of [c.query, c.key, c.value]) {
    for (let n = 0; n < data.length; n++) if (!(data[n] - data[n] === 0)) return undefined;
  }
  return boundOf(c, [declared, own]);
}

/** Runs cases of one bucket in one launch. */
async function launch(
  engine: Engine,
  part: readonly AttentionCase[],
  judged: Judged,
  bounds: ReadonlyMap<AttentionCase, Bound>,
): Promise<(Expectation | undefined)[]> {
  const laid = layOut(part, judged.conventions);
  const { problems, qLen, kvLen, headDim } = laid.launch;
  const terms = emptyTerms(problems, qLen, kvLen, headDim);
  const values = emptyValues(laid.launch);
  let problem = 0;
  for (const c of part) {
    placeTerms(terms, laid, c, bounds.get(c)!, problem);
    placeValues(values, laid.launch, c, problem);
    problem += c.query.shape[0] * c.query.shape[1];
  }
  const wanted = (what: 'weights' | 'scores') => part.some(({ want }) => want[what] === true);
  const given = await read(engine, () => {
    const { numbers, scores, weights, errors } = attentionAndSums(engine.tf, laid.launch, terms, values);
    const cells = { ...(wanted('weights') && { weights }), scores, errors };
    return { numbers, ...((wanted('weights') || wanted('scores')) && cells) } as Summed;
  });
  problem = 0;
  return part.map((c) => {
    const call = callOf(c, judged, engine.precision, bounds.get(c)!, { ...given, laid, terms, values }, problem);
    problem += c.query.shape[0] * c.query.shape[1];
    return expectation(call);
  });
}

type Numbers = ArrayLike<number>;

interface Launched {
  readonly laid: Laid;
  readonly terms: ErrorTerms;
  readonly values: ValueTerms;
  readonly numbers: Numbers;
  readonly scores?: Numbers;
  readonly weights?: Numbers;
  readonly errors?: Numbers;
}

/** What the rows of one case share. */
interface Call extends Launched {
  readonly c: AttentionCase;
  readonly conventions: Conventions;
  readonly bound: Bound;
  readonly rounding: LastRounding;
  /** The type that a dropped score is shown in. */
  readonly sumType: FloatType;
  readonly problem: number;
  /** The engine's own sums: relative errors of products of matrices, and of all that lies between an error and a sum of it. */
  readonly ofProduct: number;
  readonly cut: number;
  readonly ofSums: number;
  /** What cut-off exponentials, and weights rounded before they are summed, may add for each key and unit of range. */
  readonly cutOff: number;
  readonly stored: number;
  /** By how many keys a row keeps. */
  readonly charged: Map<number, KeptCharges>;
  readonly result: Expectation;
}

function callOf(
  c: AttentionCase,
  { conventions, precisionOf }: Judged,
  own: Precision,
  bound: Bound,
  launched: Launched,
  problem: number,
): Call {
  const { batch, numHeads, qLen, kvLen, vHeadDim } = sizesOf(c);
  const { launch } = launched.laid;
  const declared = precisionOf(c.query.dtype);
  const rows = batch * numHeads * qLen;
  const u = bound.shares[1].charges.u;
  const cut = (1 + (own.inputs?.relative ?? 0)) ** 2;
  const ofProduct = (1 + gamma(Math.max(launch.kvLen, launched.terms.features) + 8, u)) * cut - 1;
  return {
    ...launched,
    c,
    conventions,
    bound,
    rounding: lastRoundingOf(declared, c.query.dtype),
    sumType: declared.output ?? c.query.dtype,
    problem,
    ofProduct,
    cut,
    ofSums: (1 + ofProduct) ** 3 * (1 + gamma(32, u)),
    cutOff: bound.shares.reduce((sum, { charges }) => sum + charges.expCut, 0),
    stored: bound.shares.reduce((sum, { charges }) => sum + (charges.weightInSum ? charges.weightTiny : 0), 0),
    charged: new Map(),
    result: {
      output: intervalOf(rows * vHeadDim),
      weights: intervalOf(c.want.weights ? rows * kvLen : 0),
      scores: intervalOf(c.want.scores ? rows * kvLen : 0),
      rows: new Uint8Array(rows),
      blind: new Uint8Array(rows),
      keep: new Uint8Array(rows * kvLen),
    },
  };
}

/** What is not common to numerator and denominator, for a row that keeps so many keys: both precisions' shares. */
interface KeptCharges {
  readonly ofSum: readonly number[];
  readonly ofEach: readonly number[];
  readonly floor: readonly number[];
  readonly perValue: readonly number[];
  /** Of weights that are returned. */
  readonly ofWeight: readonly number[];
  readonly weightFloor: readonly number[];
}

/** Section 3 of docs/numerics.md, without what depends on the row's numbers. */
function chargesFor({ bound, charged }: Call, kept: number): KeptCharges {
  const known = charged.get(kept);
  if (known !== undefined) return known;
  const all = bound.shares.map(({ charges }) => charges);
  const made: KeptCharges = {
    ofSum: all.map(({ u, tiny, tiles }) => {
      const sum = gamma(kept - 1 + 2 * (tiles - 1), u);
      return (sum < 1 ? sum / (1 - sum) : Infinity) + tiles * tiny;
    }),
    ofEach: all.map(
      ({ u, tiles, divide, inputU, weightInSum, weightU }) =>
        (1 + (weightInSum ? 0 : weightU)) *
          (1 + gamma(divide, u)) *
          (1 + gamma(kept + 2 * (tiles - 1), u)) *
          (1 + inputU) ** 2 -
        1,
    ),
    floor: all.map(({ tiny, tiles, inputTiny }) => tiny * (2 * kept + 2 * tiles + 2) + inputTiny),
    // Unnormalised weights are divided by their sum, which is at least 1.
    perValue: all.map(({ weightTiny, inputTiny }) => weightTiny + inputTiny),
    ofWeight: all.map(
      ({ u, tiles, divide, returnedWeightU }) =>
        (1 + returnedWeightU) * (1 + gamma(divide, u)) * (1 + gamma(2 * (tiles - 1), u)) - 1,
    ),
    weightFloor: all.map(({ returnedWeightTiny, tiny, tiles }) => returnedWeightTiny + tiny * (2 * tiles + 2)),
  };
  charged.set(kept, made);
  return made;
}

/** Relative margin for the float64 arithmetic here. */
const slack = 1 + 2 ** -20;

function expectation(call: Call): Expectation | undefined {
  const { c, result, laid, conventions, problem } = call;
  const { batch, numHeads, qLen, kvLen, vHeadDim } = sizesOf(c);
  const due = dueOfEmpty(c, conventions);
  const starts = c.want.scores && c.mask?.form === 'additive' ? cellStarts(c, conventions) : undefined;
  for (let at = 0; at < batch * numHeads * qLen; at++) {
    const place = paddedRow(problem, at, qLen, laid.launch.qLen);
    const isEmpty = laid.kept[place] === 0;
    if (!isEmpty) copyKept(call, at, place);
    const row = rowOf(call, place, isEmpty);
    if (row === undefined) return undefined;
    if (c.want.scores) writeScores(call, row, at, place, isEmpty, starts?.[at]);
    if (!isEmpty || due === 'uniform') {
      result.rows[at] = isEmpty ? RowState.empty : RowState.ok;
      if (isEmpty && !isWiped(call, row)) return undefined;
      if (!writeOutput(call, row, at, place, isEmpty)) return undefined;
      if (c.want.weights) writeWeights(call, row, at, place, isEmpty);
      continue;
    }
    result.rows[at] = due === 'unspecified' ? RowState.unspecified : RowState.empty;
    const write = (to: Interval, n: number): void => {
      if (due === 'unspecified') writeAnything(to, n, NaN);
      else writeExactly(to, n, due === 'nan' ? NaN : 0);
    };
    for (let k = 0; k < vHeadDim; k++) write(result.output, at * vHeadDim + k);
    for (let j = 0; c.want.weights && j < kvLen; j++) write(result.weights, at * kvLen + j);
  }
  return result;
}

function copyKept({ laid, result, c }: Call, at: number, place: number): void {
  const { kvLen } = sizesOf(c);
  const { bias, kvLen: padded } = laid.launch;
  for (let j = 0; j < kvLen; j++) if (bias[place * padded + j] !== -Infinity) result.keep[at * kvLen + j] = 1;
}

/** What is known of one row before its features. */
interface Row {
  readonly kept: number;
  /** At least every scale sum |q k|. */
  readonly size: number;
  readonly top: number;
  /** At least every E and every lambda of keys that weigh anything; and e^(4 lambda). */
  readonly errorMax: number;
  readonly lambdaMax: number;
  readonly growth: number;
  /** What keys beyond `farthest`, cut-off exponentials and weights rounded before they are summed may add, for each key and unit of range. */
  readonly perKey: number;
}

/** Undefined where something may overflow, or the errors are too large for the bounds to be sharp. */
function rowOf(call: Call, place: number, isEmpty: boolean): Row | undefined {
  const { c, bound, numbers, laid, terms } = call;
  const top = numbers[partsOf(laid.launch).tops + place];
  const kept = isEmpty ? c.key.shape[2] : laid.kept[place];
  const base = terms.largest[place];
  const errorMax = base + bound.top * Math.abs(top) * (1 + call.ofProduct);
  if (!(errorMax <= largestError)) return undefined;
  // All that scale sum |q k| may be, of dropped keys too.
  const size = base / bound.size;
  for (const { charges } of bound.shares) {
    const one = charges.one / charges.scale;
    if (!(size * one * (1 + charges.score) < charges.max)) return undefined;
    for (const store of charges.scoreStores) if (!((size + errorMax) * one < store.max)) return undefined;
    if (!((size + bound.largestBias) * 1.01 + errorMax < charges.scoreMax)) return undefined;
    if (!isEmpty && laid.kept[place] < c.key.shape[2]) {
      // The sentinel has to swallow what it is added to.
      const fills = c.mask?.form === 'additive' ? [finfo[c.mask.tensor.dtype].lowest] : [];
      if (charges.finfoFill !== undefined) fills.push(charges.finfoFill);
      for (const fill of fills) if (!(top - errorMax - (size + fill) > charges.swallow)) return undefined;
    }
  }
  const lambdaMax = errorMax + farthest * bound.far + bound.weight;
  if (!(lambdaMax <= 2 * largestError)) return undefined;
  // Keys beyond `farthest` weigh less than 2^-126, and no exponential is cut off before.
  const isNear = 2 * (size + bound.largestBias + errorMax) < farthest - 4;
  const perKey = call.stored + (isNear ? 0 : call.cutOff + 2 ** -125 * lambdaMax);
  const cut = kept * perKey;
  if (!(cut < 0.5)) return undefined;
  return { kept, size, top, errorMax, lambdaMax, perKey, growth: Math.exp(4 * lambdaMax) / (1 - cut) };
}

/** Whether adding finfo.min leaves nothing of any score of a row that keeps nothing. */
function isWiped({ c }: Call, { size, errorMax }: Row): boolean {
  const type = c.mask?.form === 'additive' ? c.mask.tensor.dtype : c.query.dtype;
  return size + errorMax < halfUlp(finfo[type].lowest, type);
}

/** Sections 2 to 4 of docs/numerics.md around the reference's answer, both precisions added up. False where it may be out of range. */
function writeOutput(call: Call, row: Row, at: number, place: number, isEmpty: boolean): boolean {
  const { c, bound, laid, numbers, values, rounding, result, ofSums } = call;
  const { qLen, headDim } = laid.launch;
  const { vHeadDim } = sizesOf(c);
  const parts = partsOf(laid.launch);
  const { kept, growth, lambdaMax, perKey } = row;
  const { ofSum, ofEach, floor, perValue } = chargesFor(call, kept);
  const plain = place * 2 * headDim;
  const moments = parts.moments + place * (2 * headDim + 4);
  const features = Math.floor(place / qLen) * headDim;
  // Products of zeros round nothing.
  const cancelled = 2 * ((1 + gamma(kept + 8, bound.shares[1].charges.u)) * call.cut - 1);
  // What flushing subnormals may have taken away.
  const lost = kept * 2 ** -120;
  const unseen = 2 * kept * bound.shares[1].charges.tiny;
  const ofOthers = numbers[moments + 2 * headDim];
  // The difference of two sums, and what their rounding may have taken away of it.
  const ofTop = Math.max(0, numbers[parts.sums + place] - ofOthers) + cancelled * numbers[parts.sums + place];
  const topValue = (Math.floor(place / qLen) * laid.launch.kvLen + numbers[parts.topKeys + place]) * headDim;
  // |v - o| is at most |v - o^| and the reference's own error, which is no more than the whole.
  let ofRadius = growth * ofSums * lambdaMax;
  for (const share of ofSum) ofRadius += share;
  if (!(ofRadius < 0.75)) return false;
  let isVaried = false;
  let isNarrow = false;
  for (let k = 0; k < vHeadDim; k++) {
    const o = numbers[plain + k];
    const unit = values.unit[features + k];
    const range = values.range[features + k];
    const largest = values.largest[features + k];
    const x = o * unit;
    const size = numbers[moments + headDim + k] + x * x * ofOthers;
    // (v - o)^2 out of its three sums, which may cancel.
    const squares = Math.max(0, size - 2 * x * numbers[moments + k]) + cancelled * size + lost;
    const ofTheOthers = Math.sqrt((ofOthers + lost) * squares) / unit;
    const centred = growth * ofSums * bound.far * (ofTheOthers + ofTop * Math.abs(laid.launch.value[topValue + k] - o));
    const reach = Math.min(
      growth * ofSums * (numbers[plain + headDim + k] + unseen) + kept * perKey * largest,
      largest,
    );
    const apart = growth * ofSums * (lambdaMax * (reach + Math.abs(o)));
    const moved = kept === 1 ? 0 : Math.min(Math.min(centred, apart) + 2 * growth * kept * perKey * range, range);
    let rest = 0;
    for (let p = 0; p < ofSum.length; p++) {
      const floors = perValue[p] * values.total[features + k] + floor[p];
      rest += (1 + ofSum[p]) * (ofEach[p] * reach + floors) + ofSum[p] * (Math.abs(o) + moved);
    }
    const radius = ((moved + rest) * slack) / (1 - ofRadius);
    const reached = Math.abs(o) + radius;
    if (!(reached + lastUlp(reached, rounding) < rounding.max)) return false;
    for (const { charges } of bound.shares) {
      if (!(kept * 1.01 * largest < charges.max && (1 + charges.inputU) * largest < charges.max)) return false;
    }
    writeAround(result.output, at * vHeadDim + k, o, radius, rounding);
    if (range > 0) {
      isVaried = true;
      if (moved < range) isNarrow = true;
    }
  }
  result.blind[at] = !isEmpty && isVaried && !isNarrow ? 1 : 0;
  return true;
}

/** The weights are the output of values that are 1 for one key and 0 for the others. */
function writeWeights(call: Call, row: Row, at: number, place: number, isEmpty: boolean): void {
  const { c, bound, laid, result, terms, scores, weights, errors, rounding, ofSums } = call;
  const { kvLen: padded, bias, qLen } = laid.launch;
  const { kvLen } = sizesOf(c);
  const { kept, growth, top, lambdaMax, perKey } = row;
  const { ofSum, ofWeight, weightFloor } = chargesFor(call, kept);
  const isKept = (j: number): boolean => isEmpty || bias[place * padded + j] !== -Infinity;
  const ofRow = terms.top[Math.floor(place / qLen)] * Math.abs(top) + terms.weight[Math.floor(place / qLen)];
  const rises = new Float64Array(kvLen);
  let sum = 0;
  for (let j = 0; j < kvLen; j++) {
    if (!isKept(j)) continue;
    const cell = place * padded + j;
    const lambda = bound.far * (Math.min(farthest, top - scores![cell]) + errors![cell] + ofRow);
    rises[j] = growth * ofSums * weights![cell] * lambda + 2 * growth * perKey;
    sum += rises[j];
  }
  let ofRadius = growth * ofSums * lambdaMax;
  for (const share of ofSum) ofRadius += share;
  for (let j = 0; j < kvLen; j++) {
    if (!isKept(j)) continue;
    const p = weights![place * padded + j];
    const widest = (kept > 1 ? Math.max(1 - p, p) : Math.abs(1 - p)) + 2 ** -20;
    const moved = kept === 1 ? 0 : Math.min(p * (sum - rises[j]) + rises[j] * Math.max(0, 1 - p), widest);
    const reach = Math.min(growth * ofSums * p, 1) + perKey;
    let rest = 0;
    for (let n = 0; n < ofSum.length; n++) {
      rest += (1 + ofSum[n]) * (ofWeight[n] * reach + weightFloor[n]) + ofSum[n] * Math.min(p + moved, 1);
    }
    const to = at * kvLen + j;
    writeAround(result.weights, to, p, ((moved + rest) * slack) / (1 - ofRadius), rounding);
    // No exponential is negative.
    if (result.weights.low[to] < 0) result.weights.low[to] = 0;
  }
}

function writeScores(
  call: Call,
  row: Row,
  at: number,
  place: number,
  isEmpty: boolean,
  cells: number | undefined,
): void {
  const { c, bound, laid, result, scores, errors, rounding, conventions } = call;
  const { kvLen: padded, bias } = laid.launch;
  const { kvLen } = sizesOf(c);
  const shown = shownOf(c, conventions);
  for (let j = 0; j < kvLen; j++) {
    const to = at * kvLen + j;
    const cell = place * padded + j;
    if (!isEmpty && bias[cell] !== -Infinity) {
      const error = (bound.far * errors![cell] + bound.masked * Math.abs(scores![cell])) * call.ofSums;
      writeAround(result.scores, to, scores![cell], error * slack, rounding);
      continue;
    }
    writeExactly(result.scores, to, shown);
    if (cells === undefined || Number.isNaN(shown)) continue;
    const own = c.mask!.tensor.data[cells + j];
    if (own !== -Infinity && own !== finfo[c.mask!.tensor.dtype as FloatType].lowest) continue;
    // An additive mask may show its own sentinel, with what is left of the score.
    writeDropped(call, to, shown, own, row.size + row.errorMax);
  }
}

function writeDropped({ result, sumType }: Call, at: number, shown: number, cell: number, left: number): void {
  const { scores } = result;
  const low = round(cell - left, sumType);
  const high = round(cell + left, sumType);
  if (Number.isNaN(low) || Number.isNaN(high)) {
    writeAnything(scores, at, shown);
    return;
  }
  scores.low[at] = Math.min(shown, low);
  scores.high[at] = Math.max(shown, high);
  if (scores.low[at] < scores.high[at]) {
    scores.radius[at] = Math.max(scores.high[at] - shown, shown - scores.low[at]);
  }
}

/** What a dropped cell shows in the scores; NaN where the backend declares nothing. */
function shownOf(c: AttentionCase, { scoreSentinel }: Conventions): number {
  if (scoreSentinel === undefined) return NaN;
  return scoreSentinel === '-inf' ? -Infinity : finfo[c.query.dtype].lowest;
}
