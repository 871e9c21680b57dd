/** One case and what two backends answered to it: how far apart, row by row, whatever kind of case it is. */
import { isModelCase, type Case } from '../../reference/model-case';
import { plainCalls } from '../compare/models';
import type { Subject } from '../engine/subject';
import type { Result } from '../cases/kind';
import type { ModelAnswer, Violation } from '../property';
import { logitsDisagreement, tokenDistances, type ModelSide } from './logits';
import { disagreement, rowDistances, type RowDistance, type Side } from './rows';

/** Who answered, and what it answered to all of `asked`; undefined where it was not there to answer. */
export type Said = readonly [who: Subject, answers: readonly Result[] | undefined];

/** What is sent for a case: itself first, and then what tells how far its answer may be off. */
export function asked(c: Case, { supports: { model } }: Subject): Case[] {
  return isModelCase(c) && model !== undefined ? [c, ...plainCalls(c, model)] : [c];
}

/** Why an answer is none, in words; undefined where all are. */
export function silenceOf(answers: readonly Result[]): string | undefined {
  const words = answers.map((answer) => {
    if ('malformed' in answer) return `It ${answer.malformed}.`;
    return 'error' in answer ? `${answer.error.type}: ${answer.error.message}` : undefined;
  });
  return words.find((said) => said !== undefined);
}

/** undefined where one of the two did not answer. */
export function compareAnswers(
  c: Case,
  [one, ones]: Said,
  [other, others]: Said,
): { readonly rows: readonly RowDistance[]; readonly violation?: Violation } | undefined {
  if (ones === undefined || others === undefined || silenceOf(ones) !== undefined || silenceOf(others) !== undefined)
    return undefined;
  const [first, second] = [one.backend.name, other.backend.name];
  if (isModelCase(c)) {
    const [a, b] = [modelSide(one, ones), modelSide(other, others)];
    const rows = tokenDistances(c, a, b);
    return { rows, ...(differ(rows) && { violation: logitsDisagreement(c, rows, [first, a], [second, b]) }) };
  }
  const side = (who: Subject, [answer]: readonly Result[]) =>
    ({ answer, expected: who.expect(c), supports: who.supports }) as Side;
  const [a, b] = [side(one, ones), side(other, others)];
  const rows = rowDistances(c, a, b);
  return { rows, ...(differ(rows) && { violation: disagreement(c, rows, [first, a], [second, b]) }) };
}

const differ = (rows: readonly RowDistance[]): boolean =>
  rows.some(({ state, distance }) => state === 'compared' && distance > 1);

const modelSide = ({ supports: { model } }: Subject, answers: readonly Result[]): ModelSide => {
  const [answer, ...plain] = answers as readonly ModelAnswer[];
  return { answer, plain, model: model! };
};
