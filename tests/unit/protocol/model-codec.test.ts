import { describe, expect, it } from 'vitest';
import fc from 'fast-check';
import { modelCase } from '../../../src/arbitraries/model/model-case';
import { caseFromWire, caseToWire, WireError } from '../../../src/protocol/codec';
import { attention } from '../../../src/cases/attention';
import { model } from '../../../src/cases/model';
import { kindOf } from '../../../src/cases';
import { everyModelCall } from '../../support/model-constraints';
import { maskCase } from '../report/cases';

const drawn = fc.sample(
  modelCase({ ...everyModelCall, dtypes: ['float32'], maxLength: 6, want: { gradients: true } }),
  { seed: 3, numRuns: 100 },
);

/** Absent and undefined are told apart by nobody. */
const plain = (value: unknown): unknown => JSON.parse(JSON.stringify(caseToWire(caseFromWire(value)))) as unknown;

describe('the wire form of a model case', () => {
  it('leads back to the case', () => {
    for (const c of drawn) {
      const wire = JSON.parse(JSON.stringify(caseToWire(c))) as unknown;
      expect(plain(wire)).toEqual(wire);
      expect(kindOf(caseFromWire(wire))).toBe(model);
    }
  });

  it('is told from an attention call by its kind', () => {
    expect(kindOf(caseFromWire(caseToWire(maskCase({ keep: [[1]] }))))).toBe(attention);
    expect(caseToWire(drawn[0])).toMatchObject({ kind: 'model', tokens: { dtype: 'int64' } });
  });

  const tokens = { dtype: 'int64', shape: [1, 2], data: [3, 4] };
  it.each([
    [{ dtype: 'float32' }, 'case.tokens is missing.'],
    [{ tokens, dtype: 'int8' }, 'case.dtype is "int8"; it is one of'],
    [{ tokens, dtype: 'float32', query: 1 }, 'case.query is no field of a model case'],
    [{ tokens, dtype: 'float32', chunks: [2, 0] }, 'case.chunks is [2,0]; it is a list of lengths, 1 or more.'],
    [{ tokens, dtype: 'float32', mask: { rank: 3 } }, 'case.mask.rank is 3; it is one of 2, 4.'],
    [{ tokens, dtype: 'float32', want: { weights: true } }, 'case.want is "weights"; it is one of "gradients".'],
  ])('%j is refused', (wire, message) => {
    expect(() => caseFromWire({ kind: 'model', ...wire })).toThrow(WireError);
    expect(() => caseFromWire({ kind: 'model', ...wire })).toThrow(message);
  });
});
