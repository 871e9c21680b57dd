/**
 * An attention of its own, right on purpose: every mutant overrides one of its steps.
 * It shares no line with the oracle, so that a mistake in either shows as a disagreement.
 */
/* eslint @typescript-eslint/no-unused-vars: ['error', { argsIgnorePattern: '^_' }] -- a step names what its overrides need */
import { f16round } from '@petamoriken/float16';
import type { Backend, BackendAnswer, Supports } from '../../src/backend';
import type { AttentionCase, EmptyRow, FloatTensor, FloatType, Layout, Tensor } from '../../reference/case';
import { sizesOf } from '../../reference/case';

/** Largest finite number of a type; its negation is the sentinel. */
export const largest: Readonly<Record<FloatType, number>> = {
  float64: Number.MAX_VALUE,
  float32: (2 - 2 ** -23) * 2 ** 127,
  float16: 65504,
  bfloat16: (2 - 2 ** -7) * 2 ** 127,
};

/** To nearest, ties to even. */
export function rounded(type: FloatType, x: number): number {
  switch (type) {
    case 'float64':
      return x;
    case 'float32':
      return Math.fround(x);
    case 'float16':
      return f16round(x);
    case 'bfloat16':
      return toBfloat16(x);
  }
}

function toBfloat16(x: number): number {
  if (!Number.isFinite(x) || x === 0) return x;
  const exponent = Math.max(Math.floor(Math.log2(Math.abs(x))), -126);
  const ulp = 2 ** (exponent - 7);
  const toEven = 1.5 * 2 ** 52;
  const y = (x / ulp + toEven - toEven) * ulp;
  return Math.abs(y) > largest.bfloat16 ? Math.sign(y) * Infinity : y;
}

/** A tensor as it lies in memory. */
export interface View {
  readonly storage: ArrayLike<number>;
  readonly shape: readonly number[];
  readonly strides: readonly number[];
  readonly offset: number;
}

function contiguousStrides(shape: readonly number[]): number[] {
  const strides: number[] = [];
  for (let axis = shape.length - 1, step = 1; axis >= 0; step *= shape[axis], axis--) strides[axis] = step;
  return strides;
}

/** Calls `visit` with every index of a shape, in row-major order. */
function eachIndex(shape: readonly number[], visit: (at: readonly number[], n: number) => void): void {
  const total = shape.reduce((a, b) => a * b, 1);
  for (let n = 0; n < total; n++) {
    const at: number[] = [];
    for (let axis = shape.length - 1, rest = n; axis >= 0; rest = Math.floor(rest / shape[axis]), axis--) {
      at[axis] = rest % shape[axis];
    }
    visit(at, n);
  }
}

/** The same values, laid out as a view of the asked kind. What lies between them in memory is 1. */
export function laidOut(tensor: Tensor, layout: Layout = 'contiguous'): View {
  const { shape, data } = tensor;
  const plain = contiguousStrides(shape);
  const place = (strides: number[], offset: number, length: number): View => {
    const storage = new Float64Array(length).fill(1);
    eachIndex(shape, (at, n) => {
      storage[at.reduce((sum, index, axis) => sum + index * strides[axis], offset)] = data[n];
    });
    return { storage, shape, strides, offset };
  };
  switch (layout) {
    case 'contiguous':
      return { storage: data, shape, strides: plain, offset: 0 };
    case 'offset':
      return place(plain, 3, data.length + 3);
    case 'strided':
      return place(
        plain.map((s) => 2 * s),
        0,
        2 * data.length,
      );
    case 'transposed': {
      const swapped = [...shape.slice(0, -2), shape[shape.length - 1], shape[shape.length - 2]];
      const strides = contiguousStrides(swapped);
      const last = strides.length - 1;
      [strides[last], strides[last - 1]] = [strides[last - 1], strides[last]];
      return place(strides, 0, data.length);
    }
    case 'expanded': {
      const alike = (axis: number): boolean => {
        let same = true;
        eachIndex(shape, (at, n) => {
          same &&= Object.is(data[n], data[n - at[axis] * plain[axis]]);
        });
        return same;
      };
      const kept = shape.map((size, axis) => (size > 1 && alike(axis) ? 1 : size));
      const strides = contiguousStrides(kept).map((s, axis) => (kept[axis] === shape[axis] ? s : 0));
      return place(
        strides,
        0,
        kept.reduce((a, b) => a * b, 1),
      );
    }
  }
}

/** The gradients of query, key and value. */
export type GradientSums = Readonly<Record<'query' | 'key' | 'value', FloatTensor>>;

function noGradients(c: AttentionCase): GradientSums {
  const zeros = (tensor: FloatTensor) => ({ ...tensor, data: new Float64Array(tensor.data.length) });
  return { query: zeros(c.query), key: zeros(c.key), value: zeros(c.value) };
}

/** One query on its way: what was computed forwards. `g` is the head of its keys; `plain` scores are those before the mask. */
export interface Step {
  readonly c: AttentionCase;
  readonly mask: View | undefined;
  readonly b: number;
  readonly h: number;
  readonly i: number;
  readonly g: number;
  readonly query: Row;
  readonly keys: readonly Row[];
  readonly values: readonly Row[];
  readonly plain: Row;
  readonly logits: Row;
  readonly w: Row;
}

/** A call that this attention refuses. */
export class Refused extends Error {}

/** What one query sees: a number per key. */
export type Row = number[];

/**
 * Scaled dot-product attention, step by step. A logit of -Infinity leaves its key out; nothing else does.
 * `c` is the case; b, h, i, j, d count batch, head, query, key and feature.
 */
export class Attention {
  /** What a query that keeps no key answers. */
  emptyRow(_c: AttentionCase): EmptyRow {
    return 'zeros';
  }

  answer(c: AttentionCase): BackendAnswer {
    try {
      this.validate(c);
      return this.run(c);
    } catch (error) {
      if (error instanceof Refused) return { error: { type: 'RefusedError', message: error.message } };
      throw error;
    }
  }

  run(c: AttentionCase): BackendAnswer {
    const { batch, numHeads, qLen, kvLen, vHeadDim } = sizesOf(c);
    const mask = this.view(c);
    const cells = batch * numHeads * qLen * kvLen;
    const output = new Float64Array(batch * numHeads * qLen * vHeadDim);
    const weights = new Float64Array(c.want.weights ? cells : 0);
    const scores = new Float64Array(c.want.scores ? cells : 0);
    const gradients = noGradients(c);
    for (let b = 0; b < batch; b++) {
      for (let h = 0; h < numHeads; h++) {
        const g = this.kvHead(c, h);
        const keys: Row[] = [];
        const values: Row[] = [];
        for (let j = 0; j < kvLen; j++) {
          keys.push(this.key(c, b, g, j));
          values.push(vector(c.value, b, g, j));
        }
        for (let i = 0; i < qLen; i++) {
          const query = this.query(c, b, h, i);
          const row = (b * numHeads + h) * qLen + i;
          const plain: Row = [];
          const logits: Row = [];
          for (let j = 0; j < kvLen; j++) plain.push(this.score(c, query, keys[j]));
          for (let j = 0; j < kvLen; j++) logits.push(this.masked(c, mask, plain[j], b, h, i, j));
          const w = this.weights(c, logits, { b, h, i });
          output.set(this.combine(c, w, values, vHeadDim), row * vHeadDim);
          if (c.want.weights) weights.set(this.shownWeights(c, w, plain), row * kvLen);
          if (c.want.scores) scores.set(this.shownScores(c, logits, w, plain), row * kvLen);
          if (c.want.gradients)
            this.backward({ c, mask, b, h, i, g, query, keys, values, plain, logits, w }, gradients);
        }
      }
    }
    const { dtype } = c.query;
    const tensor = (data: Float64Array, last: number): FloatTensor => ({
      dtype,
      shape: [batch, numHeads, qLen, last],
      data: dtype === 'float64' ? data : data.map((x) => rounded(dtype, x)),
    });
    return {
      output: tensor(output, vHeadDim),
      ...(c.want.weights ? { weights: tensor(weights, kvLen) } : {}),
      ...(c.want.scores ? { scores: tensor(scores, kvLen) } : {}),
      ...(c.want.gradients ? { gradients: this.shownGradients(c, gradients) } : {}),
    };
  }

  /** A mask that is shorter than the keys, or has neither one row nor enough, is an error of its call. */
  validate(c: AttentionCase): void {
    if (!c.mask) return;
    const { qLen, kvLen } = sizesOf(c);
    const { shape } = c.mask.tensor;
    const columns = shape[shape.length - 1];
    if (columns < kvLen) throw new Refused(`The mask has ${columns} columns for ${kvLen} keys.`);
    const rows = c.mask.rank === 2 ? 1 : shape[shape.length - 2];
    const broadcasts = rows === 1 && c.mask.rank !== 3;
    if (rows < qLen && !broadcasts) throw new Refused(`The mask has ${rows} rows for ${qLen} queries.`);
  }

  view(c: AttentionCase): View | undefined {
    return c.mask && laidOut(c.mask.tensor, c.maskLayout);
  }

  /** Query head h reads this key/value head: heads repeat. */
  kvHead(c: AttentionCase, h: number): number {
    const { numHeads, numKvHeads } = sizesOf(c);
    return Math.floor(h / (numHeads / numKvHeads));
  }

  /** Where query i stands among the keys. */
  position(c: AttentionCase, i: number): number {
    return i + c.key.shape[2] - c.query.shape[2];
  }

  query(c: AttentionCase, b: number, h: number, i: number): Row {
    return this.turned(c, vector(c.query, b, h, i), b, this.position(c, i));
  }

  key(c: AttentionCase, b: number, g: number, j: number): Row {
    return this.turned(c, vector(c.key, b, g, j), b, j);
  }

  /** `x` as it enters the product: turned by its position on the rotary bridge. */
  turned(c: AttentionCase, x: Row, b: number, at: number): Row {
    return c.rotary && c.bridge === 'rotary' ? this.rotate(c.rotary, x, this.positionId(c, b, at)) : x;
  }

  positionId(c: AttentionCase, b: number, at: number): number {
    return c.rotary ? c.rotary.positionIds.data[b * sizesOf(c).kvLen + at] : at;
  }

  rotate(rotary: NonNullable<AttentionCase['rotary']>, x: Row, position: number): Row {
    const y = [...x];
    const half = rotary.rotaryDim / 2;
    for (let n = 0; n < half; n++) {
      const [first, second] = this.pair(rotary, n);
      const angle = position * rotary.base ** ((-2 * n) / rotary.rotaryDim);
      y[first] = x[first] * Math.cos(angle) - x[second] * Math.sin(angle);
      y[second] = x[second] * Math.cos(angle) + x[first] * Math.sin(angle);
    }
    return y;
  }

  /** Which two features turn together. */
  pair(rotary: NonNullable<AttentionCase['rotary']>, n: number): readonly [number, number] {
    return rotary.layout === 'half' ? [n, n + rotary.rotaryDim / 2] : [2 * n, 2 * n + 1];
  }

  /** The score before the mask. */
  score(c: AttentionCase, query: Row, key: Row): number {
    let dot = 0;
    for (let d = 0; d < query.length; d++) dot += query[d] * key[d];
    return this.capped(c, this.scaled(c, dot));
  }

  scaled(c: AttentionCase, dot: number): number {
    return dot * c.scale;
  }

  capped(c: AttentionCase, score: number): number {
    return c.softcap === undefined ? score : c.softcap * Math.tanh(score / c.softcap);
  }

  /** What enters the softmax. */
  masked(c: AttentionCase, mask: View | undefined, x: number, b: number, h: number, i: number, j: number): number {
    return this.keeps(c, mask, b, h, i, j) ? x + this.bias(c, mask, b, h, i, j) : -Infinity;
  }

  keeps(c: AttentionCase, mask: View | undefined, b: number, h: number, i: number, j: number): boolean {
    if (mask && !this.cellKeeps(c, this.cell(c, mask, b, h, i, j))) return false;
    if (c.mask?.rank === 4) return true;
    return this.causal(c, i, j) && this.inWindow(c, i, j) && this.sameSegment(c, b, i, j);
  }

  bias(c: AttentionCase, mask: View | undefined, b: number, h: number, i: number, j: number): number {
    return mask && c.mask?.form === 'additive' ? this.cell(c, mask, b, h, i, j) : 0;
  }

  /** The mask's number for a query and a key. */
  cell(c: AttentionCase, mask: View, b: number, h: number, i: number, j: number): number {
    const index = this.cellIndex(c, mask, b, h, i, j);
    let at = mask.offset;
    for (let axis = 0; axis < index.length; axis++) at += index[axis] * mask.strides[axis];
    return mask.storage[at];
  }

  cellIndex(c: AttentionCase, mask: View, b: number, h: number, i: number, j: number): number[] {
    const { shape } = mask;
    const row = this.maskRow(c, shape[shape.length - 2], i);
    switch (c.mask?.rank) {
      case 2:
        return [b, j];
      case 3:
        return [b, row, j];
      case 4:
      case undefined:
        return [shape[0] === 1 ? 0 : b, shape[1] === 1 ? 0 : h, row, j];
    }
  }

  /** Which row of the mask is about query i: the last q_len rows are, where there are more. */
  maskRow(c: AttentionCase, rows: number, i: number): number {
    return rows === 1 ? 0 : i + rows - c.query.shape[2];
  }

  cellKeeps(c: AttentionCase, cell: number): boolean {
    if (c.mask?.form !== 'additive') return cell !== 0;
    return cell !== -Infinity && cell !== -largest[c.mask.tensor.dtype];
  }

  causal(c: AttentionCase, i: number, j: number): boolean {
    return !c.isCausal || j <= this.position(c, i);
  }

  inWindow(c: AttentionCase, i: number, j: number): boolean {
    if (!c.slidingWindow) return true;
    const { left = Infinity, right = Infinity } = c.slidingWindow;
    const p = this.position(c, i);
    return p - left <= j && j <= p + right;
  }

  sameSegment(c: AttentionCase, b: number, i: number, j: number): boolean {
    if (!c.segments) return true;
    const kvLen = c.key.shape[2];
    return c.segments.data[b * kvLen + this.position(c, i)] === c.segments.data[b * kvLen + j];
  }

  /** The weights of one query, whichever contract an empty one follows. */
  weights(c: AttentionCase, logits: Row, _at: { readonly b: number; readonly h: number; readonly i: number }): Row {
    if (logits.some((x) => x !== -Infinity)) return this.softmax(logits);
    switch (this.emptyRow(c)) {
      case 'uniform':
        return logits.map(() => 1 / logits.length);
      case 'nan':
        return logits.map(() => NaN);
      case 'zeros':
      case 'unspecified':
        return logits.map(() => 0);
    }
  }

  softmax(logits: Row): Row {
    let top = -Infinity;
    for (const x of logits) top = Math.max(top, x);
    const powers: Row = [];
    for (const x of logits) powers.push(Math.exp(x - top));
    const total = sum(powers);
    for (let j = 0; j < powers.length; j++) powers[j] /= total;
    return powers;
  }

  /** The weighted sum of the values. A weight of exactly 0 leaves its value out, whatever it holds. */
  combine(_c: AttentionCase, weights: Row, values: readonly Row[], vHeadDim: number): Row {
    const output = indices(vHeadDim).fill(0);
    for (let j = 0; j < weights.length; j++) {
      const w = weights[j];
      if (w === 0) continue;
      const value = values[j];
      for (let d = 0; d < vHeadDim; d++) output[d] += w * value[d];
    }
    return output;
  }

  /** The gradients that one query's answer adds. A query that keeps no key has weights that depend on nothing. */
  backward(step: Step, gradients: GradientSums): void {
    const { c, b, h, i, g, query, keys, values } = step;
    const { qLen, kvLen } = sizesOf(c);
    const ofOutput = c.gradOutput ? vector(c.gradOutput, b, h, i) : [];
    const weights = this.weightsAgain(step);
    weights.forEach((w, j) => {
      if (w !== 0)
        this.addTo(
          gradients.value,
          g,
          j,
          ofOutput.map((x) => w * x),
          step,
        );
    });
    if (step.logits.every((x) => x === -Infinity)) return;
    const ofWeights = values.map((value, j) => (weights[j] === 0 ? 0 : sum(ofOutput.map((x, d) => x * value[d]))));
    const ofScores = this.ofScores(step, weights, ofWeights);
    ofScores.forEach((ofScore, j) => {
      if (ofScore === 0) return;
      const ofDot = ofScore * this.slope(c, step.plain[j]) * this.scaleAgain(c);
      const ofQuery = keys[j].map((x) => ofDot * x);
      const ofKey = query.map((x) => ofDot * x);
      this.addTo(gradients.query, h, i, this.turnedBack(c, ofQuery, b, i + kvLen - qLen), step);
      this.addTo(gradients.key, g, j, this.turnedBack(c, ofKey, b, j), step);
    });
  }

  /** The weights that the backward pass works with. */
  weightsAgain({ w }: Step): Row {
    return w;
  }

  /** The gradient of the softmax: a weight that rises takes from the others. */
  ofScores(_step: Step, weights: Row, ofWeights: Row): Row {
    const mean = sum(weights.map((w, j) => (w === 0 ? 0 : w * ofWeights[j])));
    return weights.map((w, j) => (w === 0 ? 0 : w * (ofWeights[j] - mean)));
  }

  /** The derivative of the cap, by the capped score. */
  slope(c: AttentionCase, capped: number): number {
    return c.softcap === undefined ? 1 : 1 - (capped / c.softcap) ** 2;
  }

  scaleAgain(c: AttentionCase): number {
    return c.scale;
  }

  turnedBack(c: AttentionCase, x: Row, b: number, at: number): Row {
    return c.rotary && c.bridge === 'rotary' ? this.rotate(c.rotary, x, -this.positionId(c, b, at)) : x;
  }

  /** Adds to the gradient of one token in one head. */
  addTo({ shape, data }: FloatTensor, head: number, token: number, more: Row, { b }: Step): void {
    const start = ((b * shape[1] + head) * shape[2] + token) * shape[3];
    more.forEach((x, d) => (data[start + d] += x));
  }

  shownGradients({ query: { dtype } }: AttentionCase, { query, key, value }: GradientSums): GradientSums {
    const stored = (tensor: FloatTensor) => ({ ...tensor, data: tensor.data.map((x) => rounded(dtype, x)) });
    return { query: stored(query), key: stored(key), value: stored(value) };
  }

  shownWeights(_c: AttentionCase, weights: Row, _plain: Row): Row {
    return weights;
  }

  shownScores(c: AttentionCase, logits: Row, _weights: Row, _plain: Row): Row {
    return logits.map((x) => (x === -Infinity ? -largest[c.query.dtype] : x));
  }
}

export function indices(length: number): number[] {
  const all: number[] = [];
  for (let n = 0; n < length; n++) all.push(n);
  return all;
}

export function sum(xs: Row): number {
  let total = 0;
  for (const x of xs) total += x;
  return total;
}

/** One token's features, out of [batch, heads, tokens, features]. */
export function vector(tensor: FloatTensor, b: number, h: number, token: number): Row {
  const [, heads, tokens, size] = tensor.shape;
  const start = ((b * heads + h) * tokens + token) * size;
  const features: Row = [];
  for (let d = 0; d < size; d++) features.push(tensor.data[start + d]);
  return features;
}

/** Everything that a backend can declare. */
export const everything: Partial<Supports> = {
  bridges: ['base', 'rotary'],
  dtypes: ['float32', 'float16', 'bfloat16', 'float64'],
  maskRanks: [2, 3, 4],
  maskForms: ['boolean', 'additive', 'integer'],
  causal: 'bottom_right',
  bidirectional: true,
  fullyMaskedRow: 'zeros',
  scoreSentinel: 'finfo_min',
  overlongKeys: 'trimmed',
  overlongRows: 'last',
  groupedHeads: true,
  cache: true,
  crossLength: true,
  valueDim: true,
  scale: true,
  slidingWindow: true,
  segments: true,
  softcap: true,
  layouts: true,
  returns: ['output', 'weights', 'scores', 'gradients'],
  poison: { keys: ['boolean', 'additive', 'integer'], values: ['boolean', 'additive', 'integer'] },
};

/** A backend that runs one attention, a new one a session: what it remembers, it remembers within a session. */
export function backendOf(name: string, Kernel: new () => Attention, supports: Partial<Supports> = {}): Backend {
  return {
    name,
    supports: { ...everything, ...supports },
    open() {
      const kernel = new Kernel();
      return { attend: (cases) => cases.map((c) => kernel.answer(c)) };
    },
  };
}
