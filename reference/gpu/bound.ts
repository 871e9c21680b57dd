/**
 * How far scores may be off, as sums of products that an engine can form. Section 9 of docs/numerics.md.
 *
 * lambda_j, the error of the logarithm of weight j, is at most e_i . f_j + far (M - t_j) + top |M| + weight: a vector e for every query, a vector
 * f for every key, and three numbers a case. Errors of the backend and of the reference are added up before that, so that one launch serves both.
 */
import { type AttentionCase, sizesOf } from '../case';
import { chargesOf, type Charges } from '../charges';
import type { Precision } from '../precision';
import { turnChargesOf, type TurnCharges } from '../rotary-error';
import { type Laid, largestBias } from './layout';

/** Keys whose score lies this far below the top have a weight below 2^-126: what they might change is in the floors. */
export const farthest = 88;
/** Errors of scores beyond this are left to the oracle: the bounds hold for all, and are sharp for small ones. */
export const largestError = 1 / 8;
/** More features than a head has: constants, norms, and two to make four. */
export const extraFeatures = 4;

/** What one precision adds to the error of a key. */
export interface Share {
  readonly charges: Charges;
  readonly turns: TurnCharges | undefined;
  /** Of scale sum |q k|; of what else enters before the stores (turning, floors); of what is left of the floors. */
  readonly size: number;
  readonly rest: number;
  readonly constant: number;
  /** Of |t|, where a bias is added. */
  readonly masked: number;
  /** Of M - t: the rounding of the difference, and an exponential that gets worse with its argument. */
  readonly far: number;
  /** Of nothing: the exponential itself. */
  readonly exp: number;
}

export interface Bound {
  readonly shares: readonly Share[];
  /** Of |q k| and of what turning does to it. */
  readonly size: number;
  readonly turn: number;
  /** Of |key|_1, of |query|_1, of 1. */
  readonly keyNorm: number;
  readonly queryNorm: number;
  readonly constant: number;
  /** What a weight has beside the error of its score. */
  readonly weight: number;
  readonly far: number;
  readonly top: number;
  /** Of |t|, for the scores themselves. */
  readonly masked: number;
  readonly largestBias: number;
}

/** Reads the declarations for one case; undefined where their errors are no such sum, and the oracle has to be asked. */
export function boundOf(c: AttentionCase, precisions: readonly Precision[]): Bound | undefined {
  const shares: Share[] = [];
  for (const precision of precisions) {
    const share = shareOf(c, precision);
    if (share === undefined) return undefined;
    shares.push(share);
  }
  const bias = largestBias(c);
  const sum = (part: (share: Share) => number): number => shares.reduce((all, share) => all + part(share), 0);
  // lambda = E + u (M - t + E + Emax) - log(1 - exp): all of E grows by that much.
  const grown = ({ far, rest }: Share): number => (1 + far) * rest;
  const perNorm = ({ charges, turns }: Share): number =>
    charges.tiny * charges.one +
    1.01 * charges.scale * charges.inputTiny +
    (charges.tiny + charges.storedTiny) * charges.rootScale +
    (1 + charges.score) * charges.scale * (turns?.tiny ?? 0);
  return {
    shares,
    size: sum((share) => (1 + share.far) * share.size),
    turn: Math.max(...shares.map((share) => grown(share) * (1 + share.charges.score))),
    keyNorm: sum((share) => grown(share) * (perNorm(share) + share.charges.storedTiny)),
    queryNorm: sum((share) => grown(share) * perNorm(share)),
    constant: sum(
      (share) =>
        grown(share) * share.charges.tiny * share.charges.one * (2 * share.charges.headDim + 2) +
        (1 + share.far) * share.constant,
    ),
    // E of the key that is farthest off has its part in the rounding of every M - t.
    weight: sum(({ exp, far, masked }) => exp + far * (largestError + masked * bias)),
    largestBias: bias,
    far: sum(({ far, masked }) => (1 + far) * masked + far),
    top: sum(({ far, masked }) => (1 + 2 * far) * masked),
    masked: sum(({ masked }) => masked),
  };
}

function shareOf(c: AttentionCase, precision: Precision): Share | undefined {
  // One rounds towards the largest score of all, the other is common to all keys: neither is a sum over keys.
  if (precision.fusedExp2 !== undefined || precision.scale.error !== undefined) return undefined;
  const mask = c.mask?.form === 'additive' ? c.mask.tensor.dtype : undefined;
  const charges = chargesOf(precision, sizesOf(c), c.scale, c.query.dtype, mask);
  const { u, tiny, one } = charges;
  let size = charges.score;
  let rest = 1;
  let constant = 0;
  /** E becomes E + by (|x| + E) + floor, and |x| is at most scale sum |q k|. */
  const widen = (by: number, floor: number): void => {
    size += by * (1 + size);
    rest *= 1 + by;
    constant += by * constant + floor;
  };
  for (const store of charges.scoreStores) widen(store.u, store.tiny * one);
  if (c.softcap !== undefined) {
    widen(charges.capQuotient, 0);
    widen(charges.tanhRelative + 2 * u, (charges.tanhAbsolute + tiny) * c.softcap + 2 * tiny);
    if (charges.cappedStore) widen(3 * charges.cappedStore.u, charges.cappedStore.tiny * (2 + c.softcap));
  }
  let masked = 0;
  if (mask !== undefined) {
    // |cell| is at most |t| + |x|, and |t| at most |M| + (M - t).
    masked = charges.maskCast * (1 + charges.bias) + charges.bias;
    size += charges.maskCast;
    size *= 1 + charges.bias;
    rest *= 1 + charges.bias;
    constant += charges.bias * constant + charges.biasTiny;
  } else if (charges.maskedAlways) widen(charges.bias, charges.biasTiny);
  const relative = charges.expRelative * charges.tiles;
  const worst = relative + charges.expPerUnit * (farthest + 2 * largestError);
  if (!(worst < 0.5)) return undefined;
  // -log(1 - x) is convex: up to `worst` it lies below this line.
  const slope = worst > 0 ? -Math.log1p(-worst) / worst : 1;
  return {
    charges,
    turns: turnChargesOf(c, precision),
    size,
    rest,
    constant,
    masked,
    far: u + slope * charges.expPerUnit,
    exp: slope * relative - (charges.weightInSum ? Math.log1p(-charges.weightU) : 0),
  };
}

/** e and f of a launch, in units of `far`, and what was seen of them on the way. */
export interface ErrorTerms {
  /** head_dim and `extraFeatures` */
  readonly features: number;
  /** [problems, q_len, features] and [problems, kv_len, features] */
  readonly query: Float32Array;
  readonly key: Float32Array;
  /** [problems]: top / far and weight / far */
  readonly top: Float32Array;
  readonly weight: Float32Array;
  /** [problems, q_len]: e . max f, at least the largest of e . f, in units of 1; of the query as it is also where a row keeps nothing */
  readonly largest: Float64Array;
}

export function emptyTerms(problems: number, qLen: number, kvLen: number, headDim: number): ErrorTerms {
  const features = headDim + extraFeatures;
  return {
    features,
    query: new Float32Array(problems * qLen * features),
    key: new Float32Array(problems * kvLen * features),
    top: new Float32Array(problems),
    weight: new Float32Array(problems),
    largest: new Float64Array(problems * qLen),
  };
}

/** Rounding e and f to float32 must not make them smaller. */
const up = 1 + 2 ** -20;

/** Writes e and f of one case from `problem` on. */
export function placeTerms(
  terms: ErrorTerms,
  { launch: laid, kept }: Laid,
  c: AttentionCase,
  bound: Bound,
  problem: number,
): void {
  const { batch, numHeads, numKvHeads, qLen, kvLen, headDim } = sizesOf(c);
  const { features } = terms;
  const per = up / bound.far;
  const turning = bound.shares.some(({ turns }) => turns !== undefined) ? new Turning(c, bound) : undefined;
  const from = turning === undefined ? 0 : 2 * turning.pairs;
  // What the engine may lose of e . f to underflow.
  const lost = 2 * features * bound.far * bound.shares[bound.shares.length - 1].charges.tiny;
  const largest = new Float64Array(features);
  for (let h = 0; h < batch * numHeads; h++) {
    const b = Math.floor(h / numHeads);
    const kvHead = b * numKvHeads + Math.floor((h % numHeads) / (numHeads / numKvHeads));
    largest.fill(0);
    for (let j = 0; j < kvLen; j++) {
      const vector = ((problem + h) * laid.kvLen + j) * laid.headDim;
      const to = ((problem + h) * laid.kvLen + j) * features;
      let norm = 0;
      for (let d = 0; d < headDim; d++) {
        const size = Math.abs(laid.key[vector + d]);
        norm += size;
        if (d >= from) terms.key[to + d] = size;
      }
      turning?.placeKey(terms.key, to, kvHead, b, j);
      terms.key[to + laid.headDim] = 1;
      terms.key[to + laid.headDim + 1] = norm;
      for (let n = 0; n < features; n++) if (terms.key[to + n] > largest[n]) largest[n] = terms.key[to + n];
    }
    for (let i = 0; i < qLen; i++) {
      const row = (problem + h) * laid.qLen + i;
      const to = row * features;
      let norm = 0;
      for (let d = 0; d < headDim; d++) {
        const size = Math.abs(c.query.data[(h * qLen + i) * headDim + d]);
        norm += size;
        if (d >= from) terms.query[to + d] = Math.abs(c.scale) * size * bound.size * per;
      }
      turning?.placeQuery(terms.query, to, h * qLen + i, b, i + kvLen - qLen, per);
      // Turning makes a pair's |.|_1 at most sqrt 2 times larger.
      terms.query[to + laid.headDim] = (bound.constant + bound.queryNorm * Math.SQRT2 * norm + lost) * per;
      terms.query[to + laid.headDim + 1] = bound.keyNorm * per;
      let most = 0;
      for (let n = 0; n < features; n++) most += terms.query[to + n] * largest[n];
      terms.largest[row] = most * bound.far * up;
      // A row that keeps nothing asks with zeros.
      if (kept[row] === 0) terms.query.fill(0, to, to + headDim);
    }
    terms.top[problem + h] = (bound.top / bound.far) * up;
    terms.weight[problem + h] = (bound.weight / bound.far) * up;
  }
}

/** A rotation keeps the norm of a pair, and an angle's error moves it by that much of it: two features a pair instead of its own two. */
class Turning {
  readonly pairs: number;
  readonly #turns: readonly TurnCharges[];
  readonly #bound: Bound;
  readonly #scale: number;
  readonly #kvLen: number;
  /** Half way between the positions of a batch row: |p - q| is at most |p - centre| + |q - centre|. */
  readonly #centres: readonly number[];

  constructor(c: AttentionCase, bound: Bound) {
    this.#turns = bound.shares.flatMap(({ turns }) => turns ?? []);
    this.#bound = bound;
    this.#scale = Math.abs(c.scale);
    this.#kvLen = c.key.shape[2];
    const [{ pairs, positions }] = this.#turns;
    this.pairs = pairs;
    this.#centres = Array.from({ length: c.key.shape[0] }, (_, b) => {
      const own = positions.subarray(b * this.#kvLen, (b + 1) * this.#kvLen);
      return (own.reduce((x, y) => Math.max(x, y)) + own.reduce((x, y) => Math.min(x, y))) / 2;
    });
  }

  /** (1 + side) (1 + common |p - centre|) - 1, of all precisions. */
  #moved(b: number, j: number, pair: number): number {
    let moved = 0;
    for (const { side, common, positions, pairs } of this.#turns) {
      const distance = Math.abs(positions[b * this.#kvLen + j] - this.#centres[b]);
      moved += (1 + side[(b * this.#kvLen + j) * pairs + pair]) * (1 + common[pair] * distance) - 1;
    }
    return moved;
  }

  placeKey(into: Float32Array, to: number, kvHead: number, b: number, j: number): void {
    for (let pair = 0; pair < this.pairs; pair++) {
      const norm = this.#turns[0].keyPair[(kvHead * this.#kvLen + j) * this.pairs + pair];
      const moved = this.#moved(b, j, pair);
      into[to + 2 * pair] = norm * (1 + moved) * up;
      into[to + 2 * pair + 1] = norm * moved * up;
    }
  }

  placeQuery(into: Float32Array, to: number, row: number, b: number, at: number, per: number): void {
    const { size, turn } = this.#bound;
    for (let pair = 0; pair < this.pairs; pair++) {
      const norm = this.#scale * this.#turns[0].queryPair[row * this.pairs + pair];
      into[to + 2 * pair] = norm * (size + turn * this.#moved(b, at, pair)) * per;
      into[to + 2 * pair + 1] = norm * turn * per;
    }
  }
}
