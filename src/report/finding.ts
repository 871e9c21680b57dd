/** One finding as text: what is claimed, what happened, the smallest case, its picture, how to see it again. */
import { rulesAt } from '../../reference/masks';
import { isModelCase } from '../../reference/model-case';
import type { BackendInfo, Counterexample, Outcome } from '../engine/events';
import type { CellIndex } from '../property';
import { caseToWire } from '../protocol/codec';
import { caseLine } from './case-line';
import { foreignName } from './foreign';
import { cellsInQuestion } from './json';
import { renderMask } from './render-mask';
import { renderNumbers } from './render-numbers';
import { count, escapeControls, indent, marksOf, paint, type Style } from './style';

/** What a finding needs to know beside itself. */
export interface FindingContext {
  readonly style: Style;
  readonly backend: BackendInfo;
  /** Where the counterexample was saved, if it was. */
  readonly file?: string;
  /** The command that shows it again, where that is not replay. */
  readonly again?: string;
}

/** Cells explained by rule, and no more than this. */
const MAX_EXPLAINED = 3;

/** The lines of a finding. `alike` are other findings of the same backend with a case of the same shape and mask. */
export function renderFinding(
  outcome: Outcome,
  counterexample: Counterexample,
  alike: readonly Outcome[],
  context: FindingContext,
): string[] {
  const { style, backend } = context;
  const marks = marksOf(style);
  const { violation, case: c, after, stopped } = counterexample;
  const cells = cellsInQuestion(counterexample);
  const picture = { case: c, conventions: backend.supports, rows: violation.rows, leaked: cells, ignored: [] };
  const body = [
    outcome.statement,
    ...(outcome.known ? [`Known: ${outcome.known.reason}${outcome.known.link ? ` (${outcome.known.link})` : ''}`] : []),
    '',
    sentence(escapeControls(violation.summary)),
    `Smallest case: ${caseLine(c)}`,
    ...(after.length > 0
      ? [`Only after ${count(after.length, 'other case')} in the same session: ${after.map(caseLine).join(' | ')}`]
      : []),
    '',
    ...indent(renderMask(picture, style), '  '),
    '',
    ...(violation.numbers ? [...indent(renderNumbers(violation.numbers, style), '  '), ''] : []),
    ...explained(cells, counterexample, backend).concat(cells.length > 0 ? [''] : []),
    ...howFound(counterexample),
    ...(stopped === undefined ? [] : [`Shrinking stopped early: ${escapeControls(stopped)}`]),
    ...againLines(outcome, context),
    ...alike.map((other) => {
      const command = againCommand(other, backend.spec);
      return `Also violated by a case of this shape: ${other.property}${command === undefined ? '' : ` (${command})`}`;
    }),
  ];
  const heading = `${paint(style, 'red', marks.violated)} ${paint(style, 'bold', outcome.property)}  on ${foreignName(outcome.backend)}`;
  return [heading, ...indent(body, '  ')];
}

/** 'k1 for q0: dropped by padding; kept by the causal rule.' */
export function explained(
  cells: readonly CellIndex[],
  { case: c }: Counterexample,
  { supports }: Pick<BackendInfo, 'supports'>,
): string[] {
  if (isModelCase(c)) return [];
  const lines = cells.slice(0, MAX_EXPLAINED).map(({ b, h, i, j }) => {
    const rules = rulesAt(c, supports, b, h, i, j).map(({ keeps, why }) => `${keeps ? 'kept' : 'dropped'} by ${why}`);
    const where = [...(c.query.shape[0] > 1 ? [`batch ${b}`] : []), ...(c.query.shape[1] > 1 ? [`head ${h}`] : [])];
    return `k${j} for q${i}${where.length > 0 ? ` (${where.join(', ')})` : ''}: ${rules.length > 0 ? rules.join('; ') : 'kept: no rule drops it'}`;
  });
  const more = cells.length - lines.length;
  return [...lines, ...(more > 0 ? [`${count(more, 'more cell')} in question.`] : [])];
}

/** The shrink story: found after how much, made small in how many steps, and whether the contents matter. */
export function howFound({ found, shrinks, calls, contents, seed }: Counterexample): string[] {
  const shrunk = `shrunk ${shrinks === 1 ? 'once' : `${shrinks} times`} (${count(calls, 'call')})`;
  const { failed, tried } = contents;
  return [
    ...(calls === 0
      ? []
      : [seed === undefined ? `${capital(shrunk)}.` : `Found after ${count(found, 'case')}, ${shrunk}.`]),
    ...(tried === 0
      ? []
      : failed === tried
        ? [`The contents do not matter: it fails for ${failed} of ${tried} others.`]
        : [`The contents matter: it fails for ${failed} of ${tried} others.`]),
  ];
}

function againLines(outcome: Outcome, context: FindingContext): string[] {
  const command = context.again ?? againCommand(outcome, context.backend.spec, context.file);
  return [command === undefined ? 'Again: --corpus DIR keeps it as a file for maskproof replay.' : `Again: ${command}`];
}

/** The command that shows it again: by value where it was saved, else by seed and path; undefined where it has neither. */
export function againCommand(outcome: Outcome, spec: string, file?: string): string | undefined {
  if (file !== undefined) return `npx maskproof replay ${quote(file)} --backend ${quote(spec)}`;
  const { seed, path } = outcome.counterexample ?? outcome.failure ?? {};
  return seed === undefined || path === undefined ? undefined : replayCommand(outcome, spec);
}

/** The command that shows it again, for a shell. */
export function replayCommand({ property, counterexample, failure }: Outcome, spec: string): string {
  const { seed, path } = counterexample ?? failure ?? {};
  return `npx maskproof replay --backend ${quote(spec)} --property ${property} --seed ${seed} --path ${path}`;
}

/** Outcomes of backends that erred, together where backend and message are the same: one fault, however many properties met it. */
export function failureGroups(outcomes: readonly Outcome[]): Outcome[][] {
  const groups = new Map<string, Outcome[]>();
  for (const outcome of outcomes) {
    if (outcome.status !== 'failed' || outcome.failure === undefined) continue;
    const { stage, type, message } = outcome.failure;
    const key = JSON.stringify([outcome.backend, stage, type, message]);
    groups.set(key, [...(groups.get(key) ?? []), outcome]);
  }
  return [...groups.values()];
}

/** A word of a command, for a shell. */
export const quote = (text: string) => (/^[\w./:@=+-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`);
const capital = (text: string) => text.charAt(0).toUpperCase() + text.slice(1);
/** With its full stop. */
export const sentence = (text: string) => (/[.!?]$/.test(text) ? text : `${text}.`);

/** Two findings with the same key have the same shape, mask and flags: one picture serves both. */
export function shapeKey({ case: c, after }: Counterexample): string {
  if (isModelCase(c)) return JSON.stringify([{ ...caseToWire(c), tokens: undefined, want: undefined }, after.length]);
  const wire = caseToWire(c);
  const shapes = [wire.query, wire.key, wire.value].map(({ dtype, shape }) => [dtype, shape]);
  const gone = undefined;
  return JSON.stringify([
    { ...wire, query: gone, key: gone, value: gone, want: gone, grad_output: gone },
    shapes,
    after.length,
  ]);
}
