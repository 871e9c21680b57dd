/** The report as JSON: the contract that other programs read. */
import { jsonText } from '../corpus/save';
import type { BatchTally, Counterexample, DrawnCell, KnownFailure, Outcome, Report } from '../engine/events';
import type { CellIndex } from '../property';
import { caseToWire, numberToWire, toSnakeCase } from '../protocol/codec';
import { packageVersion } from '../version';
import { notCheckedIn, type LeftOut } from './not-checked';

export const reportSchema = 'maskproof/report@1';

/** The whole run. Names are the wire's, but for `notChecked`. */
export function reportToJson(report: Report, leftOut: readonly LeftOut[] = []) {
  // What batches drew is told by number: names would be most of a shard's report.
  const cells = new Map((report.shard ? cellNames(report.outcomes) : []).map((name, n) => [name, n]));
  return {
    schema: reportSchema,
    maskproof: packageVersion(),
    seed: report.seed,
    budget: toSnakeCase(report.budget) as object,
    ...(report.shard && { shard: report.shard }),
    reference: report.reference,
    backends: report.backends.map(({ name, spec, versions, supports }) => ({
      name,
      spec,
      versions,
      supports: toSnakeCase(supports),
    })),
    ...(report.shard && { cells: cellNames(report.outcomes) }),
    outcomes: report.outcomes.map((outcome) => outcomeToJson(outcome, cells)),
    coverage: report.coverage,
    combinations: report.combinations.map(cellToJson),
    judged: report.judged,
    starved: report.starved,
    notChecked: notCheckedIn(report, leftOut),
    interrupted: report.interrupted,
    seconds: report.seconds,
  };
}

/** The text of a JSON report: readable, one tensor a line. */
export function reportText(report: Report, leftOut?: readonly LeftOut[]): string {
  return jsonText(reportToJson(report, leftOut));
}

function outcomeToJson(outcome: Outcome, cells: ReadonlyMap<string, number>) {
  const { property, statement, backend, status, known, fixed, narrowed, reason, failure, counterexample } = outcome;
  const { cases, calls, seconds, rows, batches } = outcome;
  return {
    property,
    statement,
    backend,
    status,
    ...(known && { known: knownToJson(known) }),
    ...(fixed && { fixed: knownToJson(fixed) }),
    ...(narrowed && { narrowed }),
    ...((reason ?? failure) && { reason: reason ?? failure?.message }),
    ...(failure && { stage: failure.stage }),
    cases,
    calls,
    seconds,
    rows,
    ...(counterexample && { violation: violationToJson(counterexample) }),
    ...(failure && {
      failure: {
        type: failure.type,
        message: failure.message,
        ...(failure.case && { case: caseToWire(failure.case) }),
        ...(failure.seed !== undefined && { seed: failure.seed }),
        ...(failure.path !== undefined && { path: failure.path }),
      },
    }),
    ...(batches && { batches: batches.map((batch) => batchToJson(batch, cells)) }),
  };
}

/** A line each: a report has hundreds of them. */
const cellToJson = ({ cell, cases, checked }: DrawnCell) => [cell, cases, checked] as const;

const batchToJson = ({ batch, cases, calls, rows, drawn, ended }: BatchTally, cells: ReadonlyMap<string, number>) => ({
  batch,
  cases,
  calls,
  rows,
  drawn: drawn.flatMap(({ cell, cases: count, checked }) => [cells.get(cell) ?? -1, count, checked]),
  ...(ended && { ended }),
});

const cellNames = (outcomes: readonly Outcome[]): string[] =>
  [
    ...new Set(outcomes.flatMap(({ batches = [] }) => batches.flatMap(({ drawn }) => drawn.map(({ cell }) => cell)))),
  ].sort();

const knownToJson = ({ property, backend, reason, link }: KnownFailure) => ({
  property,
  backend,
  reason,
  ...(link && { link }),
});

function violationToJson(counterexample: Counterexample) {
  const {
    violation,
    case: c,
    after,
    seed,
    path,
    shrinks,
    from,
    calls,
    found,
    leaked,
    ignored,
    contents,
    stopped,
  } = counterexample;
  const { numbers } = violation;
  return {
    summary: violation.summary,
    case: caseToWire(c),
    ...(after.length > 0 && { after: after.map((before) => caseToWire(before)) }),
    ...(seed !== undefined && { seed }),
    ...(path !== undefined && { path }),
    shrinks,
    ...(from && { from }),
    calls,
    found,
    rows: violation.rows.map(({ b, h, i }) => ({ b, h, i })),
    cells: cellsInQuestion(counterexample),
    leaked: leaked.map(plainCell),
    ignored: ignored.map(plainCell),
    contents,
    ...(numbers && {
      numbers: {
        of: numbers.of,
        at: numbers.at,
        actual: numbers.actual.map(numberToWire),
        expected: numbers.expected.map(numberToWire),
        ...(numbers.allowed && { allowed: numbers.allowed.map(numberToWire) }),
      },
    }),
    ...(stopped !== undefined && { stopped }),
  };
}

const plainCell = ({ b, h, i, j }: CellIndex): CellIndex => ({ b, h, i, j });

/** The cells that the property names and those that the probe found, each once. */
export function cellsInQuestion({ violation, leaked, ignored }: Counterexample): CellIndex[] {
  const all = [...violation.cells, ...leaked, ...ignored].map(plainCell);
  return [...new Map(all.map((cell) => [`${cell.b},${cell.h},${cell.i},${cell.j}`, cell])).values()];
}
