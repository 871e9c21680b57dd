/** How far the logits of two models are apart, token by token, in units of what both may be off. */
import { isReal, modelSizesOf, type ModelCase } from '../../reference/model-case';
import type { ModelSupports } from '../backend';
import { allowedError, excessOf, logitsAt } from '../compare/models';
import type { ModelAnswer, Violation } from '../property';
import type { RowDistance } from './rows';

/** What a model answered to a case, and to the plain calls that tell how far it is off. */
export interface ModelSide {
  readonly answer: ModelAnswer;
  readonly plain: readonly ModelAnswer[];
  readonly model: ModelSupports;
}

/**
 * Padded positions are nobody's claim; how far apart they are is told all the same. Where no position_ids are given, and the two count padding
 * otherwise, tokens after padding are read as declared.
 */
export function tokenDistances(c: ModelCase, first: ModelSide, second: ModelSide): RowDistance[] {
  const { batch, seqLen } = modelSizesOf(c);
  const allowed = allowedBetween(c, first, second);
  const alike = c.positionIds !== undefined || first.model.positions === second.model.positions;
  const rows: RowDistance[] = [];
  for (let b = 0; b < batch; b++) {
    let padded = false;
    for (let i = 0; i < seqLen; i++) {
      const real = isReal(c, b, i);
      padded ||= !real;
      const state = !real ? 'unclaimed' : padded && !alike ? 'declared' : 'compared';
      const distance = excessOf(first.answer.logits, second.answer.logits, [b, i], [b, i], allowed);
      rows.push({ at: { b, h: 0, i }, state, distance });
    }
  }
  return rows;
}

function allowedBetween({ dtype }: ModelCase, first: ModelSide, second: ModelSide): number {
  return allowedError(dtype, first.plain) + allowedError(dtype, second.plain);
}

/** The tokens whose logits are further apart than both may be off, as a finding; there is one at least. */
export function logitsDisagreement(
  c: ModelCase,
  rows: readonly RowDistance[],
  [firstName, first]: readonly [string, ModelSide],
  [secondName, second]: readonly [string, ModelSide],
): Violation {
  const bad = rows
    .filter(({ state, distance }) => state === 'compared' && distance > 1)
    .sort((a, b) => b.distance - a.distance);
  const [{ at }] = bad;
  const [actual, expected] = [first, second].map(({ answer }) => Array.from(logitsAt(answer.logits, [at.b, at.i])));
  return {
    summary: `The logits of ${bad.length === 1 ? 'a token' : `${bad.length} tokens`} of ${firstName} (actual) are not those of ${secondName} (expected)`,
    rows: bad.map((row) => row.at),
    cells: [],
    numbers: { of: 'logits', at, actual, expected, allowed: actual.map(() => allowedBetween(c, first, second)) },
  };
}
