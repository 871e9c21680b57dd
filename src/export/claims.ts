/**
 * What a counterexample's law demands of an implementation, call by call: the calls that the law makes about the case, what the
 * definition answers to each and how far off rounding may take it, and which rows must be the same bit for bit.
 */
import type { AttentionCase, FloatTensor, FloatType } from '../../reference/case';
import { sizesOf } from '../../reference/case';
import { halfUlp, roundAll } from '../../reference/dtype';
import { expectationOf, RowState, type Expectation, type Interval } from '../../reference/expectation';
import type { GradientExpectation } from '../../reference/gradient-radius';
import { problemOf } from '../../reference/validate';
import type { ResolvedSupports } from '../backend';
import type { SavedAttention } from '../corpus/load';
import { UsageError } from '../errors';
import type { Answer, AttentionProperty, PropertyContext, Refusal, RowIndex, Violation } from '../property';
import { precisionOf } from '../supports';

/** What is due in one row: numbers, and how far off each may be; undefined where anything may stand. */
export interface RowClaim {
  readonly at: RowIndex;
  readonly expected: readonly (number | undefined)[];
  readonly allowed: readonly number[];
}

export type Part = 'output' | 'weights' | 'scores';
export const parts: readonly Part[] = ['output', 'weights', 'scores'];
export const inputs = ['query', 'key', 'value'] as const;

/** One call that the law makes. */
export interface Call {
  readonly case: AttentionCase;
  /** It is due to be refused, with an error. */
  readonly refused: boolean;
  /** Sessions are run one after the other; where a test has only one, the later ones are what they are about. */
  readonly session: number;
  readonly rows: Readonly<Partial<Record<Part, readonly RowClaim[]>>>;
  /** Where the law is about gradients: by input, a vector a row; `i` is the key where it is one of a key or a value. */
  readonly gradients?: Readonly<Record<(typeof inputs)[number], readonly RowClaim[]>>;
  /** Rows that are due to be those of an earlier call, bit for bit. */
  readonly same?: { readonly as: number; readonly rows: readonly RowIndex[] };
}

export interface Claims {
  readonly property: AttentionProperty;
  readonly supports: ResolvedSupports;
  readonly case: AttentionCase;
  /** Sent first, in the same session. */
  readonly after: readonly AttentionCase[];
  readonly calls: readonly Call[];
  /** Whether the inputs are due to stay as they are. */
  readonly unchanged: boolean;
}

/** Throws a UsageError where the law demands nothing that single calls can show. */
export async function claimsOf(
  { case: c, after }: Pick<SavedAttention, 'case' | 'after'>,
  property: AttentionProperty,
  supports: ResolvedSupports,
): Promise<Claims> {
  const first = await rehearse(property, c, supports);
  if (first.violation !== undefined)
    throw nothingToShow(property, `The definition itself does not keep it here: ${first.violation.summary}`);
  const ofGradients = property.needs.returns?.includes('gradients') ?? false;
  const calls: Call[] = [];
  for (const [n, { case: sent, refused, session, expectation }] of first.calls.entries())
    calls.push({
      case: sent,
      refused,
      session,
      rows: refused || isPoisoned(sent) || ofGradients ? {} : rowsOf(sent, expectation, property),
      ...(ofGradients && expectation.gradients && { gradients: gradientsIn(sent, expectation.gradients) }),
      same: await sameRows(property, c, supports, first.calls, n),
    });
  const unchanged = property.id === 'state/inputs-unchanged';
  const isEmpty = ({ refused, rows, gradients, same }: Call) =>
    !refused &&
    same === undefined &&
    parts.every((part) => (rows[part] ?? []).length === 0) &&
    inputs.every((input) => (gradients?.[input] ?? []).length === 0);
  if (!unchanged && calls.every(isEmpty))
    throw nothingToShow(property, 'The definition makes no claim about any of its rows.');
  return { property, supports, case: c, after, calls: lastSessionFirst(calls), unchanged };
}

/**
 * A session that other calls have been through comes before the fresh one that it is compared with: in a test, which is one process,
 * only the first call is fresh.
 */
function lastSessionFirst(calls: readonly Call[]): Call[] {
  const order = calls.map((_, n) => n).sort((m, n) => calls[n].session - calls[m].session || m - n);
  const place = (n: number) => order.indexOf(n);
  const pairs = calls.flatMap(({ same }, n) =>
    same ? [{ between: [place(n), place(same.as)], rows: same.rows }] : [],
  );
  return order.map((n, now) => {
    const pair = pairs.find(({ between }) => Math.max(...between) === now);
    return { ...calls[n], same: pair && { as: Math.min(...pair.between), rows: pair.rows } };
  });
}

function nothingToShow({ id }: AttentionProperty, why: string): UsageError {
  return new UsageError('nothing_to_export', {
    what: `A case of ${id} cannot be put into a test of its own.`,
    facts: [why],
    mend: 'maskproof replay checks it, and --to safetensors exports its numbers.',
  });
}

interface Rehearsed {
  readonly case: AttentionCase;
  readonly refused: boolean;
  readonly session: number;
  readonly expectation: Expectation;
}

/** Runs the law on the definition and writes down what it asks; `change` may put another answer in the place of the definition's. */
async function rehearse(
  property: AttentionProperty,
  c: AttentionCase,
  supports: ResolvedSupports,
  change: (answer: Answer, call: number) => Answer = (answer) => answer,
): Promise<{ calls: Rehearsed[]; violation?: Violation }> {
  const calls: Rehearsed[] = [];
  let session = 0;
  const expect = (x: AttentionCase) => expectationOf(x, supports, precisionOf(supports, x.query.dtype));
  const answer = (x: AttentionCase): Answer => {
    const expectation = expect(x);
    calls.push({ case: x, refused: false, session, expectation });
    return change(answerOf(x, expectation), calls.length - 1);
  };
  const attempt = (x: AttentionCase): Answer | Refusal => {
    const problem = problemOf(x, supports);
    if (problem === undefined) return answer(x);
    calls.push({ case: x, refused: true, session, expectation: expect(c) });
    return { error: { type: 'ValueError', message: problem } };
  };
  const attend = (cases: readonly AttentionCase[]) => Promise.resolve(cases.map(answer));
  const context: PropertyContext = {
    supports,
    attend,
    attempt: (x) => Promise.resolve(attempt(x)),
    inFreshSession: (use) => {
      session++;
      return use(attend);
    },
    expect,
    reference: (cases) => Promise.resolve(cases.map(expect)),
    tally: () => undefined,
  };
  return { violation: await property.check(context, c), calls };
}

function answerOf(c: AttentionCase, { output, weights, scores, gradients }: Expectation): Answer {
  const { batch, numHeads, qLen, kvLen, vHeadDim } = sizesOf(c);
  const { dtype } = c.query;
  const tensor = (data: Float64Array, width: number) => ({
    dtype,
    shape: [batch, numHeads, qLen, width],
    data: roundAll(data.slice(), dtype),
  });
  const like = ({ shape }: FloatTensor, { centre }: Interval) => ({
    dtype,
    shape,
    data: roundAll(centre.slice(), dtype),
  });
  return {
    output: tensor(output.centre, vHeadDim),
    ...(c.want.weights && { weights: tensor(weights.centre, kvLen) }),
    ...(c.want.scores && { scores: tensor(scores.centre, kvLen) }),
    ...(gradients && {
      gradients: {
        query: like(c.query, gradients.query),
        key: like(c.key, gradients.key),
        value: like(c.value, gradients.value),
      },
    }),
    changed: [],
  };
}

/** The definition leaves a dropped key out, whatever it holds; the radius of one that holds NaN is none. */
export const isPoisoned = ({ query, key, value }: AttentionCase): boolean =>
  [query, key, value].some(({ data }) => !data.every(Number.isFinite));

/** What is due in every row of a call that the definition makes a claim about. */
function rowsOf(c: AttentionCase, expectation: Expectation, property: AttentionProperty): Call['rows'] {
  const asked = parts.filter((part) => part === 'output' || c.want[part]);
  const aboutEmpty = property.id === 'rows/fully-masked';
  const states: readonly number[] = aboutEmpty ? [RowState.ok, RowState.empty] : [RowState.ok];
  return Object.fromEntries(
    asked.map((part) => [
      part,
      indices(c).flatMap((at, row) =>
        states.includes(expectation.rows[row])
          ? claimsIn(part, at, row, expectation[part], expectation.rows.length)
          : [],
      ),
    ]),
  );
}

/** What is due in every vector of the gradients. */
function gradientsIn(c: AttentionCase, due: GradientExpectation): NonNullable<Call['gradients']> {
  const claims = (input: (typeof inputs)[number]) => {
    const [batch, heads, length] = c[input].shape;
    return places(batch, heads, length).flatMap((at, vector) =>
      claimsIn('output', at, vector, due[input], batch * heads * length),
    );
  };
  return { query: claims('query'), key: claims('key'), value: claims('value') };
}

function claimsIn(part: Part, at: RowIndex, row: number, { centre, low, high }: Interval, rows: number): RowClaim[] {
  const width = centre.length / rows;
  const claims = Array.from({ length: width }, (_, d) =>
    claimAt(part, centre[row * width + d], low[row * width + d], high[row * width + d]),
  );
  const expected = claims.map(([x]) => x);
  return expected.every((x) => x === undefined) ? [] : [{ at, expected, allowed: claims.map(([, radius]) => radius) }];
}

function claimAt(part: Part, centre: number, low: number, high: number): readonly [number | undefined, number] {
  // A dropped score of a backend that declares no sentinel is NaN here and may be anything there.
  if (Number.isNaN(low)) return part === 'scores' ? [undefined, Infinity] : [NaN, 0];
  // Where the interval is one number, that is what is due, also where the definition's own has more digits.
  if (low === high) return [low, 0];
  const allowed = Math.max(high - centre, centre - low);
  return allowed < Infinity ? [centre, allowed] : [undefined, Infinity];
}

/**
 * The rows of a call that the law compares bit for bit with the first call: those in which the definition answers both alike, and
 * in which the law objects as soon as the last bit is another.
 */
async function sameRows(
  property: AttentionProperty,
  c: AttentionCase,
  supports: ResolvedSupports,
  calls: readonly Rehearsed[],
  n: number,
): Promise<Call['same']> {
  const [first] = calls;
  if (n === 0 || calls[n].refused || first.refused || !sameSizes(first.case, calls[n].case)) return undefined;
  const before = answerOf(first.case, first.expectation).output;
  const now = answerOf(calls[n].case, calls[n].expectation).output;
  const width = before.shape[3];
  const alike = indices(c).filter((_, row) => {
    for (let at = row * width; at < (row + 1) * width; at++)
      if (!Object.is(before.data[at], now.data[at])) return false;
    return true;
  });
  if (alike.length === 0) return undefined;
  const { violation } = await rehearse(property, c, supports, (answer, call) =>
    call === n
      ? { ...answer, output: { ...answer.output, data: answer.output.data.map((x) => above(x, answer.output.dtype)) } }
      : answer,
  );
  const objected = new Set(violation?.rows.map(nameOf));
  const rows = alike.filter((at) => objected.has(nameOf(at)));
  return rows.length === 0 ? undefined : { as: 0, rows };
}

const nameOf = ({ b, h, i }: RowIndex) => `${b},${h},${i}`;

/** The next number of the type. */
const above = (x: number, dtype: FloatType): number => x + 2 * halfUlp(Math.abs(x), dtype);

function sameSizes(one: AttentionCase, other: AttentionCase): boolean {
  return JSON.stringify(sizesOf(one)) === JSON.stringify(sizesOf(other));
}

function indices(c: AttentionCase): RowIndex[] {
  const { batch, numHeads, qLen } = sizesOf(c);
  return places(batch, numHeads, qLen);
}

/** Every place of [batch, heads, length]. */
function places(batch: number, heads: number, length: number): RowIndex[] {
  return Array.from({ length: batch * heads * length }, (_, row) => ({
    b: Math.floor(row / (heads * length)),
    h: Math.floor(row / length) % heads,
    i: row % length,
  }));
}
