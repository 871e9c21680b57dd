/** One case and what two backends answered to it: how far apart, row by row, whatever kind of case it is. */
import { isModelCase, type Case } from '../../reference/model-case';
import type { Subject } from '../engine/subject';
import type { Result } from '../cases/kind';
import type { Violation } from '../property';
import { disagreement, rowDistances, type RowDistance, type Side } from './rows';

/** Who answered, and what. */
export type Said = readonly [who: Subject, answer: Result | undefined];

/** Why an answer is none, in words; undefined where it is one, or where there is nothing. */
export function silenceOf(answer: Result | undefined): string | undefined {
  if (answer === undefined) return undefined;
  if ('malformed' in answer) return `It ${answer.malformed}.`;
  return 'error' in answer ? `${answer.error.type}: ${answer.error.message}` : undefined;
}

/** undefined where one of the two did not answer. */
export function compareAnswers(
  c: Case,
  first: Said,
  second: Said,
): { readonly rows: readonly RowDistance[]; readonly violation?: Violation } | undefined {
  if (isModelCase(c)) throw new Error('Whole models are not compared yet.');
  const sides = [first, second].map(([who, answer]): Side | undefined =>
    answer !== undefined && 'output' in answer
      ? { answer: answer, expected: who.expect(c), supports: who.supports }
      : undefined,
  );
  const [a, b] = sides;
  if (a === undefined || b === undefined) return undefined;
  const rows = rowDistances(c, a, b);
  const violation = rows.some(({ distance }) => distance > 1)
    ? disagreement(c, rows, [first[0].backend.name, a], [second[0].backend.name, b])
    : undefined;
  return { rows, violation };
}
