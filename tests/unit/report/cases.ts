/** Small cases and outcomes for reports, made by hand. */
import type { AttentionCase, FloatTensor } from '../../../reference/case';
import type { BackendInfo, Counterexample, Outcome, Report } from '../../../src/engine/events';
import { resolveSupports } from '../../../src/supports';

interface MaskCase {
  /** The rows of each batch and head in turn, or of all alike: 1 keeps. */
  readonly keep: readonly (readonly number[])[] | readonly (readonly (readonly number[])[])[];
  readonly batch?: number;
  readonly numHeads?: number;
  readonly headDim?: number;
  readonly query?: readonly number[];
}

/** A case with a boolean 4D mask. */
export function maskCase({ keep, batch = 1, numHeads = 1, headDim = 1, query }: MaskCase): AttentionCase {
  const panels = (
    Array.isArray(keep[0][0]) ? keep : Array.from({ length: batch * numHeads }, () => keep)
  ) as readonly (readonly (readonly number[])[])[];
  const qLen = panels[0].length;
  const kvLen = panels[0][0].length;
  const filled = (length: number): FloatTensor => {
    const shape = [batch, numHeads, length, headDim];
    return { dtype: 'float32', shape, data: new Float64Array(batch * numHeads * length * headDim).fill(1) };
  };
  return {
    bridge: 'base',
    query: query ? { ...filled(qLen), data: Float64Array.from(query) } : filled(qLen),
    key: filled(kvLen),
    value: filled(kvLen),
    mask: {
      rank: 4,
      form: 'boolean',
      tensor: { dtype: 'bool', shape: [batch, numHeads, qLen, kvLen], data: Uint8Array.from(panels.flat(2)) },
    },
    isCausal: false,
    scale: 1 / Math.sqrt(headDim),
    want: {},
  };
}

export const backendInfo: BackendInfo = {
  name: 'broadcast-bug',
  spec: './broadcast-bug.ts',
  versions: { kernel: '1.2.3' },
  supports: resolveSupports({
    maskRanks: [2, 4],
    maskForms: ['boolean', 'additive'],
    causal: 'bottom_right',
    bidirectional: true,
  }),
};

export const noRows = { compared: 0, blind: 0, out_of_range: 0, empty: 0, not_bitwise: 0 };

export function outcomeOf(rest: Pick<Outcome, 'status'> & Partial<Outcome>): Outcome {
  return {
    property: 'padding/no-influence',
    statement: 'A padded key has no influence: changing its key and value leaves every output as it was.',
    backend: backendInfo.name,
    cases: 100,
    calls: 400,
    seconds: 0.25,
    rows: noRows,
    ...rest,
  };
}

/** Two batches, one dropped key that changed the output. */
export function leak(): Counterexample {
  return {
    violation: {
      summary: '1 of the pairs that the mask drops changed the output',
      rows: [{ b: 1, h: 0, i: 0 }],
      cells: [{ b: 1, h: 0, i: 0, j: 1 }],
      numbers: { of: 'output', at: { b: 1, h: 0, i: 0 }, actual: [1.5], expected: [0.25], allowed: [1.2e-6] },
    },
    case: maskCase({
      keep: [
        [
          [1, 1],
          [1, 1],
        ],
        [
          [1, 0],
          [1, 0],
        ],
      ],
      batch: 2,
    }),
    after: [],
    leaked: [{ b: 1, h: 0, i: 0, j: 1 }],
    ignored: [],
    seed: 20261123,
    path: '5:0:1:1',
    found: 6,
    shrinks: 12,
    from: { batch: 3, num_heads: 2, q_len: 7, kv_len: 19, head_dim: 4 },
    calls: 40,
    contents: { failed: 20, tried: 20 },
  };
}

export function reportOf(outcomes: readonly Outcome[]): Report {
  return {
    seed: 7,
    budget: { runs: 100 },
    reference: { name: 'oracle', precision: 'float64' },
    backends: [backendInfo],
    outcomes,
    coverage: [{ facet: 'mask_rank', value: '4', cases: 3, checked: 3 }],
    combinations: [{ cell: '4 boolean random float32 base single none_empty', cases: 3, checked: 3 }],
    judged: 0,
    starved: [],
    interrupted: false,
    seconds: 1.25,
  };
}
