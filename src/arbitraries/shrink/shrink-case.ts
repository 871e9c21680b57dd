import type { AttentionCase } from '../../../reference/case';
import { admits } from '../admits';
import type { CaseConstraints } from '../constraints';
import { limitsOf } from '../limits';
import { explicitRows } from './explicit-rows';
import { fewerFeatures } from './features';
import { fewerHoles } from './holes';
import { oneRow, smallestCases } from './jumps';
import { isSmaller, sizeOf } from './measure';
import { plainerNumbers } from './numbers';
import { smallerSizes } from './sizes';
import { wholesale } from './wholesale';

/** What was tried before: what each earlier level gave, up to the case that it went on with. */
export class Tried {
  readonly #before: Tried | undefined;
  readonly #level: readonly string[];
  readonly #count: number;

  constructor(before: Tried | undefined, level: readonly string[], count: number) {
    this.#before = before;
    this.#level = level;
    this.#count = count;
  }

  /** Fingerprints. */
  static *in(tried: Tried | undefined): Iterable<string> {
    for (let one = tried; one !== undefined; one = one.#before) yield* one.#level.slice(0, one.#count);
  }
}

/**
 * Smaller cases to try in this order, made lazily from the case alone: leaps to the smallest cases there are, then fewer batch rows,
 * heads, queries, keys and features of a head, fewer features of the case, fewer dropped cells, plainer numbers.
 * Each is smaller by `sizeOf`, obeys the constraints, and comes once: taking the first that still fails, again and again, always ends.
 */
export function* shrinkCase(c: AttentionCase, constraints: CaseConstraints = {}): Iterable<AttentionCase> {
  for (const [smaller] of smallerCases(c, constraints)) yield smaller;
}

/** The same, but nothing that was tried on the way to the case. With each comes what has then been tried, for the level below it. */
export function* smallerCases(
  c: AttentionCase,
  constraints: CaseConstraints = {},
  before?: Tried,
): Iterable<readonly [AttentionCase, Tried]> {
  const size = sizeOf(c);
  const seen = new Set<string>(Tried.in(before));
  const level: string[] = [];
  for (const candidate of candidates(c, constraints)) {
    if (!isSmaller(sizeOf(candidate), size)) continue;
    const print = fingerprint(candidate);
    if (seen.has(print)) continue;
    seen.add(print);
    if (admits(constraints, candidate) === undefined) {
      level.push(print);
      yield [candidate, new Tried(before, level, level.length)];
    }
  }
}

function* candidates(c: AttentionCase, constraints: CaseConstraints): Iterable<AttentionCase> {
  yield* smallestCases(c);
  yield* oneRow(c, limitsOf(constraints).causal);
  yield* wholesale(c);
  yield* smallerSizes(c);
  yield* explicitRows(c, limitsOf(constraints).causal);
  yield* fewerFeatures(c);
  yield* fewerHoles(c);
  yield* plainerNumbers(c);
}

/** Equal for equal cases; long ones are told apart by a hash. */
function fingerprint(c: AttentionCase): string {
  const parts = [c.query, c.key, c.value, c.mask?.tensor, c.segments, c.rotary?.positionIds, c.gradOutput];
  const { rotary } = c;
  const facts = [
    c.bridge,
    c.isCausal,
    c.scale,
    c.softcap,
    c.slidingWindow?.left,
    c.slidingWindow?.right,
    c.mask?.form,
    c.maskLayout,
    rotary?.rotaryDim,
    rotary?.base,
    rotary?.layout,
    c.want.weights,
    c.want.scores,
    c.want.gradients,
  ];
  return `${facts.join()}|${parts.map((tensor) => (tensor ? `${tensor.dtype}[${tensor.shape.join()}]${hash(tensor.data)}` : '')).join()}`;
}

const number = new Float64Array(1);
const words = new Int32Array(number.buffer);

/** Two 32-bit hashes of the numbers, as one number below 2^53. */
function hash(data: Float64Array | Uint8Array): number {
  let a = 0x811c9dc5 | 0;
  let b = 0x9e3779b9 | 0;
  for (const x of data) {
    number[0] = x;
    a = Math.imul(a ^ words[0], 0x01000193) ^ words[1];
    a = Math.imul(a ^ (a >>> 15), 0x2c1b3c6d);
    b = Math.imul((b + words[1]) ^ (b >>> 13), 0x85ebca6b) + words[0];
  }
  return (a >>> 0) * 2 ** 21 + (b >>> 11);
}
