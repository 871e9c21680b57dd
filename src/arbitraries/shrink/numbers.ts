import type { AttentionCase, FloatTensor } from '../../../reference/case';
import { finfo, round } from '../../../reference/dtype';
import { mapTensor, plain } from './edit';
import { oddityOf } from './measure';
import { range } from './select';

type Name = 'query' | 'key' | 'value' | 'gradOutput' | 'bias';
type Change = (x: number, n: number) => number;

/** Above this many, numbers are changed in halves and not one by one. */
const SINGLES = 48;

/** Plainer numbers: query and key 0 and one value 1; whole tensors; halves of them; single numbers. */
export function* plainerNumbers(c: AttentionCase): Iterable<AttentionCase> {
  const kvLen = c.key.shape[2];
  for (const j of new Set([kvLen - 1, 0])) yield plain(c, j);
  const zero: Change = () => 0;
  yield* oneFeature(c);
  yield changed(changed(c, 'query', zero), 'key', zero);
  const names = (['query', 'key', 'value', 'gradOutput', 'bias'] as const).filter(
    (name) => tensorOf(c, name) !== undefined,
  );
  for (const name of names) yield changed(c, name, zero);
  for (const plainer of wholesale) {
    yield names.reduce((sum, name) => changed(sum, name, plainer), c);
    for (const name of names) yield changed(c, name, plainer);
  }
  for (const name of names) yield* partByPart(c, name);
}

/** One query with several features as one feature with the same scores. */
function* oneFeature(c: AttentionCase): Iterable<AttentionCase> {
  const [batch, heads, qLen, headDim] = c.query.shape;
  if (batch * heads * qLen > 1 || headDim === 1 || c.bridge === 'rotary') return;
  const { dtype, data: query } = c.query;
  const scale = c.scale === 1 / Math.sqrt(headDim) ? 1 : c.scale;
  const scores = range(c.key.shape[2]).map(
    (j) => (range(headDim).reduce((sum, d) => sum + query[d] * c.key.data[j * headDim + d], 0) * c.scale) / scale,
  );
  const top = Math.max(...scores.map(Math.abs));
  for (const whole of [true, false]) {
    // About as much in the query as in the keys, so that both stay in range.
    const size = whole || top === 0 || !Number.isFinite(top) ? 1 : 2 ** Math.round(Math.log2(top) / 2);
    const keys = Float64Array.from(scores, (x) => round(x / size, dtype) + 0);
    const narrow = {
      ...c,
      scale,
      query: { dtype, shape: [1, 1, 1, 1], data: Float64Array.of(round(size, dtype)) },
      key: { dtype, shape: [1, 1, c.key.shape[2], 1], data: keys },
    };
    yield narrow;
    const values = {
      value: {
        dtype,
        shape: [1, 1, c.key.shape[2], 1],
        data: Float64Array.from(scores, (_, j) => c.value.data[j * c.value.shape[3]]),
      },
    };
    yield {
      ...narrow,
      ...values,
      gradOutput: c.gradOutput && { dtype, shape: [1, 1, 1, 1], data: c.gradOutput.data.slice(0, 1) },
    };
  }
}

/** Ways to make every number plainer without making it 0. */
const wholesale: readonly Change[] = [
  (x) => (x === 0 ? 0 : 1),
  Math.sign,
  Math.round,
  Math.trunc,
  (x) => Math.round(4 * x) / 4,
  powerOfTwo,
  (x) => x / 2,
];

/** The power of two below a number, with its sign. */
function powerOfTwo(x: number): number {
  return x === 0 || !Number.isFinite(x) ? x : Math.sign(x) * 2 ** Math.floor(Math.log2(Math.abs(x)));
}

function* partByPart(c: AttentionCase, name: Name): Iterable<AttentionCase> {
  const tensor = tensorOf(c, name);
  if (tensor === undefined) return;
  const here = range(tensor.data.length).filter((n) => tensor.data[n] !== 0 && !isSentinel(tensor, name, n));
  for (let length = here.length >> 1; length > 1; length >>= 1) {
    for (let start = 0; start < here.length; start += length) {
      const part = new Set(here.slice(start, start + length));
      yield changed(c, name, (x, n) => (part.has(n) ? 0 : x));
    }
  }
  if (here.length > SINGLES) return;
  for (const at of here) {
    const x = tensor.data[at];
    for (const y of plainerThan(x)) yield changed(c, name, (z, n) => (n === at ? y : z));
  }
}

/** Plainer numbers than one, plainest first. */
function plainerThan(x: number): number[] {
  const power = powerOfTwo(x);
  // Small numbers step down one by one, large ones by halves of what is left.
  const nearer = Math.abs(x) <= 8 ? [x - Math.sign(x)] : [Math.trunc(x * 0.75), Math.trunc(x * 0.875)];
  const half = Math.sign(x) * 2 ** Math.trunc(Math.log2(Math.abs(x)) / 2);
  const list = [
    0,
    1,
    Math.abs(x),
    Math.trunc(x / 2),
    Math.trunc(x),
    Math.round(2 * x) / 4,
    Math.round(4 * x) / 4,
    ...nearer,
    half,
    power,
  ];
  return [...new Set(list)].filter((y) => Number.isFinite(y) && (y === 0 || oddityOf(y) < oddityOf(x)));
}

function tensorOf(c: AttentionCase, name: Name): FloatTensor | undefined {
  if (name !== 'bias') return c[name];
  return c.mask?.form === 'additive' ? c.mask.tensor : undefined;
}

/** A cell of an additive mask that drops: no number to change. */
function isSentinel(tensor: FloatTensor, name: Name, n: number): boolean {
  const x = tensor.data[n];
  return name === 'bias' && (x === -Infinity || x === finfo[tensor.dtype].lowest);
}

function changed(c: AttentionCase, name: Name, change: Change): AttentionCase {
  const tensor = tensorOf(c, name);
  if (tensor === undefined) return c;
  const result = mapTensor(tensor, (x, n) => (isSentinel(tensor, name, n) ? x : round(change(x, n), tensor.dtype) + 0));
  if (name !== 'bias') return { ...c, [name]: result };
  return c.mask?.form === 'additive' ? { ...c, mask: { ...c.mask, tensor: result } } : c;
}
