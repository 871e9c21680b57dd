/**
 * How far the gradients of a correct implementation may be from the derivative: derived like the radius of the output.
 * Section 6 of docs/numerics.md; its letters are in the comments.
 */
import { sizesOf } from './case';
import type { AttentionCase, Sizes } from './case';
import { charge, gamma } from './charges';
import type { Charges, StoreCharge } from './charges';
import type { Interval } from './expectation';
import type { Gradients } from './gradients';
import { intervalOf, lastUlp, writeAnything, writeAround, writeExactly } from './interval';
import type { LastRounding } from './interval';
import type { Precision } from './precision';
import type { Turned } from './rotary';
import { pairOf } from './rotary';
import type { TurnCharges } from './rotary-error';
import type { Row } from './row';

/** Roundoff of the float64 that the oracle itself computes in. */
const ORACLE_U = 2 ** -53;

/** A gradient and how far a correct implementation may be from it. */
export interface GradientInterval extends Interval {
  /** 1 for each vector whose radius is as wide as the terms that it is summed from, so that the check says nothing. */
  readonly blind: Uint8Array;
}

/** Of a case that asks for gradients; each in the shape of its input. */
export interface GradientExpectation {
  readonly query: GradientInterval;
  readonly key: GradientInterval;
  readonly value: GradientInterval;
}

/** One precision's declaration, read once a case. */
export interface Charged {
  readonly charges: Charges;
  readonly turns: TurnCharges | undefined;
  readonly precision: Precision;
}

/**
 * Sums of products, each number of a vector one: sum over the terms of coefficient x factor. A coefficient is a weight or the
 * gradient of a score, a factor the number of grad_output, key or query that it meets.
 */
class Sums {
  /** By number: sum of error x |factor|, of size x |factor|, and of what a wrong angle moves. */
  readonly moved: Float64Array;
  readonly size: Float64Array;
  readonly turned: Float64Array;
  /** The size that the terms would have without any cancelling before. */
  readonly reach: Float64Array;
  /** Sum of |factor|: what a coefficient that is lost to underflow costs. */
  readonly factors: Float64Array;
  /** By vector: sum of the coefficients' sizes, and how many there are. */
  readonly total: Float64Array;
  readonly terms: Int32Array;
  readonly width: number;

  constructor(length: number, width: number) {
    this.width = width;
    this.moved = new Float64Array(length);
    this.size = new Float64Array(length);
    this.turned = new Float64Array(length);
    this.reach = new Float64Array(length);
    this.factors = new Float64Array(length);
    this.total = new Float64Array(length / width);
    this.terms = new Int32Array(length / width);
  }

  /** One term: a coefficient of at most `size`, off by at most `error`, with the factors from `from` on. */
  add(vector: number, size: number, error: number, reach: number, factors: Float64Array, from: number): void {
    this.terms[vector]++;
    this.total[vector] += size;
    for (let d = 0, at = vector * this.width; d < this.width; d++, at++) {
      const factor = Math.abs(factors[from + d]);
      this.moved[at] += error * factor;
      this.size[at] += size * factor;
      this.reach[at] += reach * factor;
      this.factors[at] += factor;
    }
  }
}

/** What one precision may be off, summed up query by query. */
interface Ledger extends Charged {
  readonly query: Sums;
  readonly key: Sums;
  readonly value: Sums;
  /** |query| and |key| as they meet, no smaller than any implementation has them. */
  readonly querySize: Float64Array;
  readonly keySize: Float64Array;
}

/** The place of a query among all, in its batch row, and the first of its keys. */
export interface Place {
  readonly at: number;
  readonly b: number;
  readonly i: number;
  readonly keyStart: number;
}

/** The backward pass of one case: `add` for every query that weighs keys, `lose` for those that nothing is known of, then `expectation`. */
export class BackwardPass {
  private readonly c: AttentionCase;
  private readonly sizes: Sizes;
  private readonly gradOutput: Float64Array;
  private readonly ledgers: readonly Ledger[];
  private readonly rounding: LastRounding;
  /** [batch, num_heads, q_len] and [batch, num_kv_heads]: 1 where nothing is known. */
  private readonly lostQueries: Uint8Array;
  private readonly lostHeads: Uint8Array;
  // By key.
  private readonly ofWeight: Float64Array;
  private readonly ofWeightError: Float64Array;
  private readonly weightError: Float64Array;

  constructor(
    c: AttentionCase,
    gradOutput: Float64Array,
    vectors: Turned,
    charged: readonly Charged[],
    rounding: LastRounding,
  ) {
    this.c = c;
    this.sizes = sizesOf(c);
    this.gradOutput = gradOutput;
    this.rounding = rounding;
    const { batch, numHeads, numKvHeads, qLen, kvLen, headDim, vHeadDim } = this.sizes;
    this.ledgers = charged.map((one) => ({
      ...one,
      query: new Sums(c.query.data.length, headDim),
      key: new Sums(c.key.data.length, headDim),
      value: new Sums(c.value.data.length, vHeadDim),
      querySize: this.sizesOfTurned(vectors.query, one.turns, one.turns?.queryPair, numHeads, qLen),
      keySize: this.sizesOfTurned(vectors.key, one.turns, one.turns?.keyPair, numKvHeads, kvLen),
    }));
    this.lostQueries = new Uint8Array(batch * numHeads * qLen);
    this.lostHeads = new Uint8Array(batch * numKvHeads);
    this.ofWeight = new Float64Array(kvLen);
    this.ofWeightError = new Float64Array(kvLen);
    this.weightError = new Float64Array(kvLen);
  }

  /** A turned pair may point anywhere, and is as long as before. */
  private sizesOfTurned(
    vectors: Float64Array,
    turns: TurnCharges | undefined,
    norms: Float64Array | undefined,
    heads: number,
    length: number,
  ): Float64Array {
    if (turns === undefined || norms === undefined) return vectors;
    const { kvLen, headDim } = this.sizes;
    const { pairs, side } = turns;
    const result = vectors.slice();
    for (let v = 0; v < vectors.length / headDim; v++) {
      const place = Math.floor(v / length / heads) * kvLen + (v % length) + kvLen - length;
      for (let n = 0; n < pairs; n++) {
        const norm = norms[v * pairs + n] * (1 + side[place * pairs + n]);
        for (const d of pairOf(this.c.rotary!, n)) result[v * headDim + d] = norm;
      }
    }
    return result;
  }

  /** Nothing is known of a query's answer: nor of the gradients of what it reaches. */
  lose({ at, keyStart }: Place): void {
    this.lostQueries[at] = 1;
    this.lostHeads[keyStart / this.sizes.kvLen] = 1;
  }

  /**
   * A query that the `n`-th precision has charged; `den` is what the sum of its perturbed weights is at least. Where it keeps no key
   * and all weights are equal (`even`), implementations differ in whether the sentinel lets the gradient of the scores through: any part
   * of it may come. False where an intermediate may overflow.
   */
  add(n: number, row: Row, den: number, place: Place, even: boolean): boolean {
    const ledger = this.ledgers[n];
    const { charges, turns, precision } = ledger;
    const { u, tiny, scale } = charges;
    const { kept, keys, weight } = row;
    const { headDim, vHeadDim } = this.sizes;
    const { at, keyStart } = place;
    const from = at * vHeadDim;
    let inRange = this.chargeWeightGradients(row, charges, precision, place);
    inRange &&= this.chargeWeights(row, charges, precision, den);
    if (!inRange) return false;
    const { mean, error: meanError, own } = this.chargeMean(row, charges, precision, den, place);
    const operands = charge(precision.backward?.operands);
    const stores = scoreStores(precision, this.c.softcap);
    const dot = charge(precision.dot);
    const max = Math.min(charges.max, ...stores.map((store) => store.max), dot?.max ?? Infinity);
    for (let m = 0; m < kept; m++) {
      const j = keys[m];
      const p = weight[j];
      const off = this.weightError[j];
      // dV = sum of p dO.
      const stored = operands ? operands.u * (p + off) + operands.tiny : 0;
      ledger.value.add(keyStart + j, p + off + stored, off + stored, p, this.gradOutput, from);

      // dS = p (dP - D), in any of its forms.
      const ofWeight = this.ofWeight[j];
      const ofWeightError = this.ofWeightError[j];
      const away = Math.abs(ofWeight - mean) + own;
      const both = Math.abs(ofWeight) + ofWeightError + Math.abs(mean) + meanError;
      let size = p * away;
      let error = (p + off) * (ofWeightError + meanError) + off * away + gamma(3, u) * (p + off) * both + 3 * tiny;
      for (const store of stores) error += store.u * (size + error) + store.tiny;
      inRange &&= both < charges.max && size + error < max;
      if (this.c.softcap !== undefined && !even) {
        const capped = throughSlope(row, j, size, error, this.c.softcap, charges);
        size = capped.size;
        error = capped.error;
        inRange &&= (size + error) * Math.max(1, this.c.softcap) < max;
      }
      if (operands) error += operands.u * (size + error) + operands.tiny;
      size *= scale;
      error *= scale;
      if (dot) error += dot.u * (size + error) + dot.tiny;
      if (even) {
        error += size;
        size = 0;
      }
      inRange &&= size + error < max;
      const reach = scale * p * (Math.abs(ofWeight) + Math.abs(mean));
      const total = size + error;
      ledger.query.add(at, total, error, reach, ledger.keySize, (keyStart + j) * headDim);
      ledger.key.add(keyStart + j, total, error, reach, ledger.querySize, at * headDim);
      if (turns) this.chargeTurns(ledger, turns, place, j, total);
    }
    return inRange;
  }

  /** dP = dO . v, and its error eta. */
  private chargeWeightGradients(row: Row, charges: Charges, { weights }: Precision, { at, keyStart }: Place): boolean {
    const { vHeadDim } = this.sizes;
    const { u, tiny, inputU, inputTiny } = charges;
    // The gradient of weights that are a tensor of their own.
    const store = weights?.normalised ? charge(weights) : undefined;
    const relative = (1 + gamma(vHeadDim, u)) * (1 + inputU) ** 2 - 1;
    const from = at * vHeadDim;
    let inRange = true;
    for (let m = 0; m < row.kept; m++) {
      const j = row.keys[m];
      let sum = 0;
      let size = 0;
      let norms = 0;
      for (let d = 0, v = (keyStart + j) * vHeadDim; d < vHeadDim; d++, v++) {
        const product = this.gradOutput[from + d] * this.c.value.data[v];
        sum += product;
        size += Math.abs(product);
        norms += Math.abs(this.gradOutput[from + d]) + Math.abs(this.c.value.data[v]);
      }
      let error = relative * size + tiny * (2 * vHeadDim + norms) + 1.01 * inputTiny * norms;
      if (store) error += store.u * (Math.abs(sum) + error) + store.tiny;
      this.ofWeight[j] = sum;
      this.ofWeightError[j] = error;
      inRange &&= size + error < charges.max && Math.abs(sum) + error < (store?.max ?? Infinity);
    }
    return inRange;
  }

  /** How far the weights of the backward pass may be off: kept, rebuilt, or whichever is worse. False where that is anything. */
  private chargeWeights(row: Row, charges: Charges, { weights, backward }: Precision, den: number): boolean {
    const { kept, keys, weight, weightRadius } = row;
    const rebuilt = backward?.weights !== 'kept' ? this.rebuild(row, charges, den) : true;
    const store = weights?.normalised ? charge(weights) : undefined;
    for (let m = 0; m < kept; m++) {
      const j = keys[m];
      let error = weightRadius[j];
      if (store) error += store.u * (weight[j] + error) + store.tiny;
      if (backward?.weights === 'kept') this.weightError[j] = error;
      else if (backward?.weights === undefined) this.weightError[j] = Math.max(error, this.weightError[j]);
    }
    return rebuilt;
  }

  /** exp(score - log of the sum): the score is computed a second time, so what is common to all keys no longer cancels. */
  private rebuild(row: Row, charges: Charges, den: number): boolean {
    const { kept, keys, weight, score, growth, raised, top, sum } = row;
    const { u, tiny, tiles } = charges;
    if (!(den > 0)) return false;
    const log = Math.log(sum);
    let raisedSum = 0;
    let scoreMax = 0;
    for (let m = 0; m < kept; m++) {
      raisedSum += raised[keys[m]];
      scoreMax = Math.max(scoreMax, Math.abs(score[keys[m]]));
    }
    const ofSum = gamma(kept - 1 + 2 * (tiles - 1), u);
    if (!(ofSum < 1)) return false;
    const summed = 1 / (1 - ofSum) + tiles * tiny;
    for (let m = 0; m < kept; m++) {
      const j = keys[m];
      const far = top - score[j];
      const extra =
        u * (2 * Math.abs(top + log) + far + 4 * log + 6 + 2 * charges.fusedExp2 * scoreMax) +
        2 * charges.expRelative +
        charges.expPerUnit * (far + log);
      const grown = (1 + growth[j]) * Math.exp(extra);
      const up = weight[j] * ((grown / den) * summed - 1);
      const down = weight[j] * (1 - 1 / (grown * raisedSum * summed));
      this.weightError[j] = Math.max(up, down) + charges.expCut + tiny;
    }
    return true;
  }

  /** D = sum of p dP, and its error delta. `own` is the oracle's own error of dP - D. */
  private chargeMean(
    row: Row,
    charges: Charges,
    { backward }: Precision,
    den: number,
    { at }: Place,
  ): { mean: number; error: number; own: number } {
    const { kept, keys, weight, rise, output, outputRadius } = row;
    const { u, tiny, tiles } = charges;
    const { vHeadDim } = this.sizes;
    const from = at * vHeadDim;
    let mean = 0;
    let largest = 0;
    for (let m = 0; m < kept; m++) {
      const j = keys[m];
      mean += weight[j] * this.ofWeight[j];
      largest = Math.max(largest, Math.abs(this.ofWeight[j]) + this.ofWeightError[j]);
    }
    const own = (kept + vHeadDim + 8) * ORACLE_U * largest;

    let moved = 0;
    let widest = 0;
    let raised = 0;
    let plain = 0;
    let off = 0;
    let size = 0;
    let inherited = 0;
    for (let m = 0; m < kept; m++) {
      const j = keys[m];
      const gradient = Math.abs(this.ofWeight[j]);
      const away = Math.abs(this.ofWeight[j] - mean) + own;
      const most = weight[j] + this.weightError[j];
      moved += rise[j] * away;
      widest = Math.max(widest, away);
      raised += most * gradient;
      plain += gradient;
      off += this.weightError[j] * gradient;
      size += most * (gradient + this.ofWeightError[j]);
      inherited += most * this.ofWeightError[j];
    }
    const summing = inherited + gamma(kept + 1, u) * size + tiny * (2 * kept + 2);
    // Weights that are kept are a convex combination before they are divided and stored.
    const sumGamma = gamma(kept - 1 + 2 * (tiles - 1), u);
    const ofSum = (sumGamma < 1 ? sumGamma / (1 - sumGamma) : Infinity) + tiles * tiny;
    const ofEach =
      (1 + charges.weightU) * (1 + gamma(charges.divide, u)) * (1 + gamma(2 * (tiles - 1), u)) * (1 + ofSum) - 1;
    const floor = charges.weightTiny / (charges.weightNormalised ? 1 : row.sum) + tiny * (2 * tiles + 2);
    const centred = den > 0 ? Math.min(moved / den, widest) : widest;
    const ofKept = centred + ofEach * raised + floor * plain;
    const byWeights = { kept: ofKept, rebuilt: off };
    const fromWeights =
      summing + (backward?.weights === undefined ? Math.max(ofKept, off) : byWeights[backward.weights]);

    let fromOutput = 2 * vHeadDim * tiny;
    for (let d = 0; d < vHeadDim; d++) {
      const gradient = Math.abs(this.gradOutput[from + d]);
      const answer = Math.abs(output[d]) + outputRadius[d];
      const radius = outputRadius[d] + lastUlp(answer, this.rounding);
      fromOutput += gradient * radius + gamma(vHeadDim + 1, u) * gradient * (answer + radius);
      fromOutput += tiny * (gradient + answer + radius);
    }
    const byMean = { weights: fromWeights, output: fromOutput };
    const error = backward?.mean === undefined ? Math.max(fromWeights, fromOutput) : byMean[backward.mean];
    return { mean, error, own };
  }

  /** The angles of key and query are each off by themselves, and what is between them by the frequency. */
  private chargeTurns(
    { query, key }: Ledger,
    { pairs, queryPair, keyPair, side, common, positions }: TurnCharges,
    { at, b, i, keyStart }: Place,
    j: number,
    size: number,
  ): void {
    const { qLen, kvLen, headDim } = this.sizes;
    const mine = b * kvLen + i + kvLen - qLen;
    const its = b * kvLen + j;
    const distance = Math.abs(positions[mine] - positions[its]);
    for (let n = 0; n < pairs; n++) {
      const grown = (1 + side[mine * pairs + n]) * (1 + side[its * pairs + n]) * (1 + common[n] * distance) - 1;
      const ofQuery = size * keyPair[(keyStart + j) * pairs + n] * grown;
      const ofKey = size * queryPair[at * pairs + n] * grown;
      for (const d of pairOf(this.c.rotary!, n)) {
        query.turned[at * headDim + d] += ofQuery;
        key.turned[(keyStart + j) * headDim + d] += ofKey;
      }
    }
  }

  /** What may come back, around the derivative. */
  expectation(centre: Gradients): GradientExpectation {
    const { numHeads, numKvHeads, qLen, kvLen } = this.sizes;
    const byQuery = (vector: number) => this.lostQueries[vector] === 1;
    const byKey = (vector: number) => this.lostHeads[Math.floor(vector / kvLen)] === 1;
    return {
      query: this.interval('query', centre.query, byQuery, numHeads, qLen),
      key: this.interval('key', centre.key, byKey, numKvHeads, kvLen),
      value: this.interval('value', centre.value, byKey, numKvHeads, kvLen),
    };
  }

  private interval(
    of: 'query' | 'key' | 'value',
    centre: Float64Array,
    isLost: (vector: number) => boolean,
    heads: number,
    length: number,
  ): GradientInterval {
    const width = this.ledgers[0][of].width;
    const vectors = centre.length / width;
    const result = { ...intervalOf(centre.length), blind: new Uint8Array(vectors) };
    const radius = new Float64Array(width);
    const { kvLen } = this.sizes;
    for (let vector = 0; vector < vectors; vector++) {
      const start = vector * width;
      const none = this.ledgers[0][of].terms[vector] === 0;
      radius.fill(0);
      let inRange = !isLost(vector);
      if (inRange && !none) {
        const place = Math.floor(vector / length / heads) * kvLen + (vector % length) + kvLen - length;
        for (const ledger of this.ledgers) if (!this.addRadius(radius, ledger, of, vector, place)) inRange = false;
      }
      let seen = none || !inRange;
      for (let d = 0; d < width; d++) {
        const reach = Math.abs(centre[start + d]) + radius[d];
        if (!inRange || !(reach + lastUlp(reach, this.rounding) < this.rounding.max)) {
          writeAnything(result, start + d, centre[start + d]);
        } else if (none) {
          writeExactly(result, start + d, 0);
        } else {
          writeAround(result, start + d, centre[start + d], radius[d], this.rounding);
          if (radius[d] < this.ledgers[0][of].reach[start + d]) seen = true;
        }
      }
      result.blind[vector] = seen ? 0 : 1;
    }
    return result;
  }

  /** Adds what one precision may be off in a vector at a position; false where an intermediate may overflow. */
  private addRadius(
    to: Float64Array,
    ledger: Ledger,
    of: 'query' | 'key' | 'value',
    vector: number,
    place: number,
  ): boolean {
    const { charges, turns, precision } = ledger;
    const sums = ledger[of];
    const { u, tiny, scale, one, tiles, slack, inputU, inputTiny, storedTiny } = charges;
    const ofScores = of !== 'value';
    const terms = sums.terms[vector];
    const stored = ofScores ? charge(precision.scale.stored) : undefined;
    const relative =
      (1 + gamma(terms + tiles + (ofScores ? 3 + precision.scale.roundings : 1), u)) *
        (1 + (stored?.u ?? 0)) ** 2 *
        (1 + inputU) ** 2 -
      1;
    const factor = ofScores ? one : 1;
    // Before the scale, coefficients are larger by it.
    const total = sums.total[vector] * (ofScores && scale > 0 ? Math.max(1, 1 / scale) : 1);
    const partial = this.partialStores(precision, of);
    const rotated = ofScores ? charge(turns?.stored) : undefined;
    let inRange = true;
    const errorOf = (d: number): number => {
      const at = vector * sums.width + d;
      const size = sums.size[at];
      let error = sums.moved[at] + relative * size;
      error += tiny * factor * (2 * terms + 2 * tiles + 2 + sums.factors[at] + 2 * total);
      error += 1.01 * inputTiny * (sums.factors[at] + total) + storedTiny * (factor + total);
      error += gamma(partial.count, partial.store.u) * (size + error) + partial.count * terms * partial.store.tiny;
      if (rotated) error += rotated.u * (size + error) + rotated.tiny + turns!.tiny * (1 + total);
      const before = (size + error) * (ofScores && scale > 0 ? Math.max(1, 1 / scale) : 1);
      inRange &&= before < Math.min(charges.max, partial.store.max, stored?.max ?? Infinity);
      return error;
    };
    const errors = Float64Array.from({ length: sums.width }, (_, d) => errorOf(d));
    if (ofScores && turns) {
      for (let n = 0; n < turns.pairs; n++) {
        const [first, second] = pairOf(this.c.rotary!, n);
        // Turning back mixes the two.
        const both = Math.hypot(errors[first], errors[second]) * (1 + turns.side[place * turns.pairs + n]);
        const moved = sums.turned[vector * sums.width + first];
        errors[first] = errors[second] = both + moved + turns.tiny;
      }
    }
    for (let d = 0; d < sums.width; d++) to[d] += errors[d] * slack;
    return inRange;
  }

  /** How often a sum is stored before it is complete, and as what. */
  private partialStores(precision: Precision, of: 'query' | 'key' | 'value'): { count: number; store: StoreCharge } {
    const { numHeads, numKvHeads, qLen, kvLen } = this.sizes;
    const { backward, output, accumulate, tile } = precision;
    const store = charge(backward?.partial ?? (output ? { type: output } : accumulate))!;
    const times = (length: number, size: number | undefined) => (size === undefined ? 0 : Math.ceil(length / size) - 1);
    // Each head of a group is stored, and then each sum but the last, which is the answer.
    const count = of === 'query' ? times(kvLen, tile) : times(qLen, backward?.tile) + numHeads / numKvHeads - 1;
    return { count, store };
  }
}

/** Where gradients of scores are stored on their way to query . key, before the scaling: as often as the scores were. */
function scoreStores({ masked, scaled }: Precision, softcap: number | undefined): StoreCharge[] {
  const again = softcap === undefined ? [] : [scaled, scaled, scaled];
  return [masked, ...again, scaled].flatMap((store) => charge(store) ?? []);
}

/** The slope of the softcap, 1 - tanh^2, has an error of its own: that of the score, and of its three operations. */
function throughSlope(
  row: Row,
  j: number,
  size: number,
  error: number,
  softcap: number,
  charges: Charges,
): { size: number; error: number } {
  const { u, tiny, cappedStore } = charges;
  const height = Math.abs(row.capped[j]) / softcap;
  const slope = 1 - height ** 2;
  const shift = 1.01 * charges.scaleError * charges.scale * Math.abs(row.dot[j]);
  const ofHeight = (row.scoreError[j] + shift) / softcap;
  const stored = cappedStore ? 2 * cappedStore.u : 0;
  const ofSlope = Math.min(
    1,
    2 * height * ofHeight + ofHeight ** 2 + (2 * u + stored) * (1 + height + ofHeight) ** 2 + tiny,
  );
  const most = (size + error) * (slope + ofSlope);
  return {
    size: size * slope,
    error: error * (slope + ofSlope) + size * ofSlope + gamma(4, u) * most + 4 * tiny * (1 + softcap + 1 / softcap),
  };
}
