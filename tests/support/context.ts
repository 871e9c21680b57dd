/** The least that a check can run in: the definition answers, and nothing is batched. */
import type { AttentionCase, FloatTensor } from '../../reference/case';
import { expectationOf, RowState, type Expectation } from '../../reference/expectation';
import { gradientsOf } from '../../reference/gradients';
import { attend } from '../../reference/oracle';
import { problemOf } from '../../reference/validate';
import { oracleBackend } from '../../src/backends/oracle';
import type { ResolvedSupports, Supports } from '../../src/backend';
import type { Answer, PropertyContext, RowTally } from '../../src/property';
import { precisionOf, resolveSupports } from '../../src/supports';

export interface Laboratory extends PropertyContext {
  readonly counts: Record<RowTally, number>;
  /** Every case that was sent, in order. */
  readonly sent: AttentionCase[];
}

export interface LaboratoryOptions {
  readonly supports?: Partial<Supports>;
  /** Changes what the definition answers. */
  readonly distort?: (output: Float64Array, c: AttentionCase) => void;
  /** Replaces the definition where a check asks how far an answer may be off. */
  readonly expect?: (c: AttentionCase, supports: ResolvedSupports) => Expectation;
}

/** Answers are the oracle's numbers in float64, whatever the dtype of the case. */
export function laboratory({ supports = {}, distort, expect }: LaboratoryOptions = {}): Laboratory {
  const resolved = resolveSupports({ ...oracleBackend().supports, ...supports });
  const counts = { compared: 0, blind: 0, out_of_range: 0, empty: 0, not_bitwise: 0 };
  const sent: AttentionCase[] = [];
  const answer = (c: AttentionCase): Answer => {
    sent.push(c);
    const problem = problemOf(c, resolved);
    if (problem !== undefined) throw new Error(`A property sent a case that is none: ${problem}`);
    const { output, weights, scores } = attend(c, resolved);
    distort?.(output, c);
    const [batch, numHeads, qLen] = c.query.shape;
    const tensor = (data: Float64Array, last: number): FloatTensor => ({
      dtype: c.query.dtype,
      shape: [batch, numHeads, qLen, last],
      data,
    });
    return {
      output: tensor(output, c.value.shape[3]),
      ...(c.want.weights && { weights: tensor(weights, c.key.shape[2]) }),
      ...(c.want.scores && { scores: tensor(scores, c.key.shape[2]) }),
      ...(c.want.gradients && { gradients: gradients(c) }),
      changed: [],
    };
  };
  const gradients = (c: AttentionCase): Answer['gradients'] => {
    const { query, key, value } = gradientsOf(c, resolved);
    return { query: { ...c.query, data: query }, key: { ...c.key, data: key }, value: { ...c.value, data: value } };
  };
  const expectation = (c: AttentionCase): Expectation =>
    expect === undefined ? expectationOf(c, resolved, precisionOf(resolved, c.query.dtype)) : expect(c, resolved);
  return {
    supports: resolved,
    counts,
    sent,
    attend: (cases) => Promise.resolve(cases.map(answer)),
    attempt: (c) => {
      const problem = problemOf(c, resolved);
      return Promise.resolve(problem === undefined ? answer(c) : { error: { type: 'ValueError', message: problem } });
    },
    inFreshSession: (use) => use((cases) => Promise.resolve(cases.map(answer))),
    expect: expectation,
    reference: (cases) => Promise.resolve(cases.map(expectation)),
    tally: (what, rows) => {
      counts[what] += rows;
    },
  };
}

/**
 * An expectation that allows next to nothing and knows no answer: two sides that it lets pass have the same exact answer, up to the
 * rounding of float64. It shows that the twins of a property mean the same, which the real one takes from the definition.
 */
export function strict(c: AttentionCase, supports: ResolvedSupports): Expectation {
  const real = expectationOf(c, supports, precisionOf(supports, c.query.dtype));
  const largest = c.value.data.reduce((most, v) => Math.max(most, Math.abs(v)), 1);
  const scores = real.scores.centre.reduce((most, x) => (Number.isFinite(x) ? Math.max(most, Math.abs(x)) : most), 1);
  const size = real.output.centre.length;
  const rows = real.rows.map((state) => (state === RowState.ok && scores > 1e6 ? RowState.outOfRange : state));
  return {
    ...real,
    rows,
    output: {
      ...real.output,
      centre: new Float64Array(size),
      radius: new Float64Array(size).fill(largest * scores * 2 ** -44),
    },
  };
}
