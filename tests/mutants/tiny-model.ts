/**
 * A transformer of two layers over the oracle's attention: right about masks, positions and caches. What a layer gives to the next is
 * rounded to the dtype of the case, as a library stores it. Each step is a method, so that a mutant is the method that its mistake is
 * made in.
 */
import type { AttentionCase, FloatTensor, FloatType } from '../../reference/case';
import { round, roundAll } from '../../reference/dtype';
import { countedPositions, isReal, modelSizesOf, sees, type ModelCase } from '../../reference/model-case';
import { attend } from '../../reference/oracle';
import { defineModelBackend, type Backend, type ModelBackendAnswer, type ModelSupports } from '../../src/backend';
import { resolveSupports } from '../../src/supports';

export const vocab = 12;
const width = 6;
const heads = 2;
const layers = 2;
const maxLength = 16;
const headDim = width / heads;
const conventions = resolveSupports({ fullyMaskedRow: 'zeros' });

export type Vector = readonly number[];

/** The tokens start .. end of a row, and the keys and values of all tokens before them. */
export interface Piece {
  readonly b: number;
  readonly start: number;
  readonly end: number;
}

/** Numbers in [-1, 1] that are always the same, and the same in every dtype. */
function weights(seed: number, rows: number, columns: number): Vector[] {
  let state = seed * 2654435761 + 1;
  const next = () => {
    state = (Math.imul(state ^ (state >>> 15), 2246822519) + 3266489917) | 0;
    return round((state >>> 8) / 2 ** 23 - 1, 'bfloat16');
  };
  return Array.from({ length: rows }, () => Array.from({ length: columns }, next));
}

const times = (x: Vector, w: readonly Vector[]): number[] =>
  w[0].map((_, column) => x.reduce((sum, value, row) => sum + value * w[row][column], 0));
const plus = (x: Vector, y: Vector): number[] => x.map((value, n) => value + y[n]);
const stored = (x: Vector, dtype: FloatType): number[] => x.map((value) => round(value, dtype));

function normed(x: Vector): number[] {
  const mean = x.reduce((a, b) => a + b, 0) / x.length;
  const size = Math.sqrt(x.reduce((sum, value) => sum + (value - mean) ** 2, 0) / x.length + 1e-5);
  return x.map((value) => (value - mean) / size);
}

const embeddings = weights(1, vocab, width);
const places = weights(2, maxLength + 1, width);
const unembedding = weights(3, width, vocab);
const blocks = Array.from({ length: layers }, (_, n) => ({
  query: weights(10 * n + 11, width, width),
  key: weights(10 * n + 12, width, width),
  value: weights(10 * n + 13, width, width),
  out: weights(10 * n + 14, width, width),
  up: weights(10 * n + 15, width, 2 * width),
  down: weights(10 * n + 16, 2 * width, width),
}));

/** What one layer remembers of the tokens so far. */
export interface Cache {
  readonly keys: number[][];
  readonly values: number[][];
}

export class TinyModel {
  /** What is added to what the embedding gives, for derivatives: by token of a row, by feature. */
  nudge: { readonly b: number; readonly i: number; readonly d: number; readonly by: number } | undefined;

  /** [batch, seq_len, vocab] */
  forward(c: ModelCase): Float64Array {
    const { batch, seqLen } = modelSizesOf(c);
    const logits = new Float64Array(batch * seqLen * vocab);
    for (let b = 0; b < batch; b++) this.row(c, b).forEach((row, i) => logits.set(row, (b * seqLen + i) * vocab));
    return logits;
  }

  /** The logits of one row of the batch. */
  row(c: ModelCase, b: number): Vector[] {
    const caches = blocks.map((): Cache => ({ keys: [], values: [] }));
    const { seqLen } = modelSizesOf(c);
    let end = 0;
    return (c.chunks ?? [seqLen]).flatMap((length) => {
      const piece = { b, start: end, end: (end += length) };
      return this.piece(c, piece, caches);
    });
  }

  piece(c: ModelCase, piece: Piece, caches: readonly Cache[]): Vector[] {
    const apply = (x: Vector, w: readonly Vector[]) => stored(times(x, w), c.dtype);
    const norm = (x: Vector) => stored(normed(x), c.dtype);
    const add = (x: Vector, y: Vector) => stored(plus(x, y), c.dtype);
    let states: Vector[] = Array.from({ length: piece.end - piece.start }, (_, n) =>
      add(this.embed(c, piece.b, piece.start + n), places[this.position(c, piece.b, piece.start + n, piece)]),
    );
    blocks.forEach((block, n) => {
      const inputs = states.map(norm);
      this.remember(
        caches[n],
        inputs.map((x) => apply(x, block.key)),
        inputs.map((x) => apply(x, block.value)),
      );
      const attended = this.attention(
        c,
        piece,
        inputs.map((x) => apply(x, block.query)),
        caches[n],
      );
      states = states.map((x, i) => add(x, apply(stored(attended[i], c.dtype), block.out)));
      states = states.map((x) => add(x, apply(stored(apply(norm(x), block.up).map(Math.tanh), c.dtype), block.down)));
    });
    return states.map((x) => apply(norm(x), unembedding));
  }

  embed(c: ModelCase, b: number, i: number): Vector {
    const token = embeddings[c.tokens.data[b * c.tokens.shape[1] + i]];
    const { nudge } = this;
    return nudge?.b === b && nudge.i === i ? token.map((x, d) => (d === nudge.d ? x + nudge.by : x)) : token;
  }

  /** As given, or counted from the mask. */
  position(c: ModelCase, b: number, i: number, piece: Piece): number {
    if (i < piece.start || i >= piece.end) throw new RangeError(`Token ${i} is not in the piece.`);
    return (c.positionIds ?? countedPositions(c)).data[b * c.tokens.shape[1] + i];
  }

  remember(cache: Cache, keys: readonly number[][], values: readonly number[][]): void {
    cache.keys.push(...keys);
    cache.values.push(...values);
  }

  /** Whether token i may see token j, of the same row. */
  keeps(c: ModelCase, { b }: Piece, i: number, j: number): boolean {
    return sees(c, b, i, j);
  }

  attention(c: ModelCase, piece: Piece, queries: readonly Vector[], { keys, values }: Cache): Vector[] {
    const kvLen = keys.length;
    const cells = queries.flatMap((_, n) =>
      Array.from({ length: kvLen }, (__, j) => +this.keeps(c, piece, piece.start + n, j)),
    );
    const { output } = attend(
      {
        bridge: 'base',
        query: byHead(queries),
        key: byHead(keys),
        value: byHead(values),
        mask: {
          rank: 4,
          form: 'boolean',
          tensor: { dtype: 'bool', shape: [1, 1, queries.length, kvLen], data: Uint8Array.from(cells) },
        },
        isCausal: false,
        scale: 1 / Math.sqrt(headDim),
        want: {},
      } satisfies AttentionCase,
      conventions,
    );
    return queries.map((_, i) =>
      Array.from({ length: width }, (__, d) => {
        const head = Math.floor(d / headDim);
        return output[(head * queries.length + i) * headDim + (d % headDim)];
      }),
    );
  }

  /** Mean cross entropy of the next token, where it and the one before it are real. */
  loss(c: ModelCase): number {
    const { batch, seqLen } = modelSizesOf(c);
    const logits = this.forward(c);
    let sum = 0;
    let count = 0;
    for (let b = 0; b < batch; b++) {
      for (let i = 0; i + 1 < seqLen; i++) {
        if (!isReal(c, b, i) || !isReal(c, b, i + 1)) continue;
        const row = logits.subarray((b * seqLen + i) * vocab, (b * seqLen + i + 1) * vocab);
        const top = Math.max(...row);
        sum +=
          top +
          Math.log(row.reduce((total, x) => total + Math.exp(x - top), 0)) -
          row[c.tokens.data[b * seqLen + i + 1]];
        count++;
      }
    }
    return count === 0 ? 0 : sum / count;
  }

  /** [batch, seq_len, d_model], by central differences, which need float64: exactly 0 where a token has no influence. */
  gradient(asked: ModelCase): Float64Array {
    const c: ModelCase = { ...asked, dtype: 'float64' };
    const { batch, seqLen } = modelSizesOf(c);
    const step = 2 ** -16;
    const at = (b: number, i: number, d: number, by: number): number => {
      this.nudge = { b, i, d, by };
      return this.loss(c);
    };
    const gradient = Float64Array.from({ length: batch * seqLen * width }, (_, n) => {
      const place = Math.floor(n / width);
      const of = [Math.floor(place / seqLen), place % seqLen, n % width] as const;
      return (at(...of, step) - at(...of, -step)) / (2 * step);
    });
    this.nudge = undefined;
    return gradient;
  }
}

/** [1, num_heads, length, head_dim] */
function byHead(rows: readonly Vector[]): FloatTensor {
  const data = new Float64Array(rows.length * width);
  rows.forEach((row, i) =>
    row.forEach((x, d) => (data[(Math.floor(d / headDim) * rows.length + i) * headDim + (d % headDim)] = x)),
  );
  return { dtype: 'float64', shape: [1, heads, rows.length, headDim], data };
}

const everything: ModelSupports = {
  vocab,
  maxLength,
  dtypes: ['float32', 'float64'],
  masks: ['boolean', 'integer', 'float'],
  explicitMasks: ['boolean', 'additive'],
  positionIds: true,
  positions: 'mask',
  slidingWindow: false,
  cache: true,
  gradients: true,
  bitwise: true,
};

export function modelBackendOf(
  name: string,
  Model: new () => TinyModel,
  supports: Partial<ModelSupports> = {},
): Backend {
  return defineModelBackend({
    name,
    supports: { ...everything, ...supports },
    open() {
      const model = new Model();
      return { forward: (cases) => cases.map((c) => answer(model, c)) };
    },
  });
}

function answer(model: TinyModel, c: ModelCase): ModelBackendAnswer {
  const tensor = (data: Float64Array, last: number): FloatTensor => ({
    dtype: c.dtype,
    shape: [...c.tokens.shape, last],
    data: roundAll(data, c.dtype),
  });
  return {
    logits: tensor(model.forward(c), vocab),
    ...(c.want.gradients && { gradients: { embedding: tensor(model.gradient(c), width) } }),
  };
}
