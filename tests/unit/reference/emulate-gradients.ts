import { sizesOf } from '../../../reference/case';
import type { AttentionCase, Conventions } from '../../../reference/case';
import { round } from '../../../reference/dtype';
import { biasAt, contractOf } from '../../../reference/masks';
import type { Store } from '../../../reference/precision';
import { frequencyOf, pairOf } from '../../../reference/rotary';
import { average, inputOf, productSum, rounding, scoring, sumOf, turn, valuesOf } from './emulate';
import type { Machine } from './emulate';
import { bottomRight } from './random-case';

/** A way to compute gradients within a declared precision. */
export interface BackwardMachine extends Machine {
  readonly weights: 'kept' | 'rebuilt';
  readonly mean: 'weights' | 'output';
  /** p (dP - D), or p dP - p D. */
  readonly factored: boolean;
  /** Where the scale is multiplied in: into the gradients of the scores, or into their sums. */
  readonly scaledEarly: boolean;
  /** Whether a sentinel that is added lets the gradient of a row without a key through. */
  readonly through: boolean;
  /** Whether the heads of a group are added one by one, each sum stored. */
  readonly oneByOne: boolean;
}

export interface EmulatedGradients {
  readonly query: Float64Array;
  readonly key: Float64Array;
  readonly value: Float64Array;
}

/** Gradients as a machine would compute them; queries that keep no key follow their contract. */
export function emulateGradients(
  c: AttentionCase,
  keep: Uint8Array,
  machine: BackwardMachine,
  conventions: Conventions = bottomRight,
): EmulatedGradients {
  const { batch, numHeads, numKvHeads, qLen, kvLen, headDim, vHeadDim } = sizesOf(c);
  const { precision, order } = machine;
  const r = rounding(precision.accumulate);
  const store = (x: number, to: Store | undefined) => (to ? rounding(to)(x) : x);
  const input = inputOf(precision);
  const sum = (terms: number[]) => sumOf(terms, order, r);
  const dot = (x: readonly number[], y: readonly number[]) =>
    productSum(
      { data: x.map(input), at: 0 },
      { data: y.map(input), at: 0 },
      x.length,
      { ...machine, fused: undefined },
      r,
    );
  const turned = turn(c, machine);
  const { query, key } = turned;
  const score = scoring(c, turned, machine);
  // Computed again in another order.
  const scoreAgain = scoring(c, turned, { ...machine, order: order === 'forward' ? 'backward' : 'forward' });
  const uncapped = scoring({ ...c, softcap: undefined }, turned, machine);
  const contract = contractOf(c, conventions);
  const type = precision.output ?? precision.accumulate.type;
  const partial = precision.backward?.partial ?? { type };
  const operands = precision.backward?.operands;
  const vector = (data: Float64Array, n: number, size: number) => [...data.subarray(n * size, (n + 1) * size)];
  const zeros = (size: number) => Array<number>(size).fill(0);
  const result: EmulatedGradients = {
    query: new Float64Array(c.query.data.length),
    key: new Float64Array(c.key.data.length),
    value: new Float64Array(c.value.data.length),
  };
  const scaleRoot = r(Math.sqrt(c.scale));
  const early = machine.scaledEarly && precision.scale.roundings === 2 && precision.scale.stored === undefined;
  // A factor of a score's gradient, and what its sum is multiplied with.
  const factor = (x: number) => (precision.scale.roundings === 4 ? store(r(x * scaleRoot), precision.scale.stored) : x);
  const scaled = (x: number) => {
    if (precision.scale.roundings === 4) return r(store(x, precision.scale.stored) * scaleRoot);
    return early ? x : r(store(x, precision.scale.stored) * r(c.scale));
  };
  // The stored query is scaled already.
  const storedQuery = precision.scale.roundings === 2 && precision.scale.stored !== undefined;

  for (let b = 0; b < batch; b++) {
    for (let g = 0; g < numKvHeads; g++) {
      const keyStart = (b * numKvHeads + g) * kvLen;
      const group = numHeads / numKvHeads;
      const ofHeads: { key: number[][]; value: number[][] }[] = [];
      for (let h = g * group; h < (g + 1) * group; h++) {
        const keyTerms: number[][][] = Array.from({ length: kvLen }, () => []);
        const valueTerms: number[][][] = Array.from({ length: kvLen }, () => []);
        for (let i = 0; i < qLen; i++) {
          const at = (b * numHeads + h) * qLen + i;
          const kept = Array.from({ length: kvLen }, (_, j) => j).filter((j) => keep[at * kvLen + j] === 1);
          const even = kept.length === 0;
          if (even && contract !== 'uniform') continue;
          if (even) for (let j = 0; j < kvLen; j++) kept.push(j);
          const q = vector(query, at, headDim);
          const k = kept.map((j) => vector(key, keyStart + j, headDim));
          const values = kept.map((j) => vector(c.value.data, keyStart + j, vHeadDim));
          const ofOutput = vector(c.gradOutput!.data, at, vHeadDim);
          const scoresBy = (way: typeof score) =>
            kept.map((j) => (even ? 0 : way(at, keyStart + j, biasAt(c, conventions, b, h, i, j))));
          const scores = scoresBy(score);
          const averaged = average(scores, valuesOf(c, keyStart, kept), kvLen, machine);
          const output = [...averaged.output];
          let weights = [...averaged.weights];
          if (machine.weights === 'rebuilt') {
            const top = Math.max(...scores);
            const exps = scores.map((x) => r(Math.exp(r(x - top))));
            const log = r(top + r(Math.log(sumOf(exps, order, r))));
            weights = scoresBy(scoreAgain).map((x) => {
              const p = r(Math.exp(r(x - log)));
              return p < precision.exp.tiny ? 0 : p;
            });
          }
          const ofWeights = values.map((v) =>
            store(dot(ofOutput, v), precision.weights?.normalised ? precision.weights : undefined),
          );
          const mean =
            machine.mean === 'output'
              ? dot(
                  ofOutput,
                  output.map((x) => round(x, type)),
                )
              : sum(weights.map((p, n) => r(p * ofWeights[n])));
          const ofDots = weights.map((p, n) => {
            if (even && !machine.through) return 0;
            let x = machine.factored ? r(p * r(ofWeights[n] - mean)) : r(r(p * ofWeights[n]) - r(p * mean));
            x = store(x, precision.masked);
            if (c.softcap !== undefined) {
              const s = uncapped(at, keyStart + kept[n], 0);
              const y = store(r(Math.tanh(r(s / c.softcap))), precision.scaled);
              x = store(r(x * r(c.softcap)), precision.scaled);
              x = store(r(x * r(1 - r(y * y))), precision.scaled);
              x = r(x / c.softcap);
            }
            x = store(x, precision.scaled);
            x = store(x, operands);
            if (early) x = r(x * r(c.scale));
            return store(x, precision.dot);
          });
          const ofQuery = Array.from({ length: headDim }, (_, d) =>
            scaled(
              dot(
                ofDots,
                k.map((x) => factor(x[d])),
              ),
            ),
          );
          writeBack(result.query, at, ofQuery, c, machine, b, i + kvLen - qLen, type);
          const scaledQuery = q.map((x) =>
            storedQuery ? store(r(x * r(c.scale)), precision.scale.stored) : factor(x),
          );
          kept.forEach((j, n) => {
            keyTerms[j].push(scaledQuery.map((x) => r(input(ofDots[n]) * input(x))));
            const p = store(weights[n], operands);
            valueTerms[j].push(ofOutput.map((x) => r(input(p) * input(x))));
          });
        }
        const added = (terms: number[][], size: number) =>
          terms.length === 0 ? zeros(size) : zeros(size).map((_, d) => summed(terms.map((term) => term[d])));
        const summed = (terms: number[]) => {
          const tile = precision.backward?.tile;
          if (tile === undefined) return sum(terms);
          let total = 0;
          for (let start = 0; start < terms.length; start += tile) {
            const more = r(total + sum(terms.slice(start, start + tile)));
            total = start + tile < terms.length ? store(more, partial) : more;
          }
          return total;
        };
        ofHeads.push({
          key: keyTerms.map((terms) => added(terms, headDim).map((x) => (storedQuery ? x : scaled(x)))),
          value: valueTerms.map((terms) => added(terms, vHeadDim)),
        });
      }
      const ofGroup = (parts: number[][]) =>
        parts[0].map((x, d) => {
          if (parts.length === 1) return x;
          const stored = parts.map((part) => store(part[d], partial));
          return machine.oneByOne ? stored.reduce((total, y) => store(r(total + y), partial)) : sum(stored);
        });
      for (let j = 0; j < kvLen; j++) {
        writeBack(result.key, keyStart + j, ofGroup(ofHeads.map((head) => head.key[j])), c, machine, b, j, type);
        const value = ofGroup(ofHeads.map((head) => head.value[j]));
        value.forEach((x, d) => (result.value[(keyStart + j) * vHeadDim + d] = round(x, type)));
      }
    }
  }
  return result;
}

/** Turns back what is turned, every operation rounded to the type that turned vectors are stored in, and stores the gradient. */
function writeBack(
  to: Float64Array,
  at: number,
  x: number[],
  c: AttentionCase,
  machine: Machine,
  b: number,
  place: number,
  type: Store['type'],
): void {
  const { rotary } = c;
  if (rotary !== undefined) {
    const wide = c.query.dtype === 'float64' ? 'float64' : 'float32';
    const dtype = machine.precision.rotary?.rotated ?? c.query.dtype;
    const r = (y: number) => round(y, dtype);
    const position = rotary.positionIds.data[b * sizesOf(c).kvLen + place];
    x = x.map(r);
    for (let n = 0; n < rotary.rotaryDim / 2; n++) {
      const angle = round(position * round(frequencyOf(rotary, n), wide), wide);
      const cos = r(round(Math.cos(angle), wide));
      const sin = r(round(Math.sin(angle), wide));
      const [first, second] = pairOf(rotary, n);
      [x[first], x[second]] = [r(r(x[first] * cos) + r(x[second] * sin)), r(r(x[second] * cos) - r(x[first] * sin))];
    }
  }
  x.forEach((y, d) => (to[at * x.length + d] = round(y, type)));
}
