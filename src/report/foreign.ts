/** Text that a backend made, in a report that a person opens: visible, well-formed, and no longer than anybody reads. */
import type { BackendInfo, Failure, KnownFailure, Outcome, Report } from '../engine/events';
import type { Violation } from '../property';
import { escapeControls } from './style';

const MAX_NAME = 200;
const MAX_TEXT = 4_000;

/** Cut to `max` characters, with a sentence that says so; control characters, directions and halves of characters become visible. */
export function foreign(text: string, max = MAX_TEXT): string {
  const whole = text.length <= max;
  const shown = escapeControls(text.slice(0, max)).replaceAll(/[\ufffe\uffff]|\p{Surrogate}/gu, '\ufffd');
  return whole
    ? shown
    : `${shown}... This text has ${thousands(text.length)} characters; the first ${thousands(max)} are shown.`;
}

/** The same on one line. */
export function foreignName(text: string): string {
  return foreign(text, MAX_NAME).replaceAll(/\s+/g, ' ').trim();
}

/** A report in which every text that is not ours has been through `foreign`. Numbers and cases stay what they are. */
export function tamed(report: Report, max = MAX_TEXT): Report {
  return {
    ...report,
    backends: report.backends.map(tamedBackend),
    outcomes: report.outcomes.map((outcome) => tamedOutcome(outcome, max)),
    starved: report.starved.map((cell) => ({ ...cell, backend: foreignName(cell.backend) })),
  };
}

function tamedBackend(backend: BackendInfo): BackendInfo {
  const versions = Object.entries(backend.versions).map(([name, version]) => [
    foreignName(name),
    foreignName(String(version)),
  ]);
  return {
    ...backend,
    name: foreignName(backend.name),
    spec: foreignName(backend.spec),
    versions: Object.fromEntries(versions) as Record<string, string>,
  };
}

function tamedOutcome(outcome: Outcome, max: number): Outcome {
  const { known, fixed, reason, counterexample, failure } = outcome;
  return {
    ...outcome,
    property: foreignName(outcome.property),
    statement: foreign(outcome.statement),
    backend: foreignName(outcome.backend),
    ...(known && { known: tamedEntry(known) }),
    ...(fixed && { fixed: tamedEntry(fixed) }),
    ...(reason !== undefined && { reason: foreign(reason, max) }),
    ...(counterexample && {
      counterexample: {
        ...counterexample,
        violation: tamedViolation(counterexample.violation, max),
        ...(counterexample.stopped !== undefined && { stopped: foreign(counterexample.stopped, max) }),
      },
    }),
    ...(failure && { failure: tamedFailure(failure, max) }),
  };
}

const tamedViolation = (violation: Violation, max: number): Violation => ({
  ...violation,
  summary: foreign(violation.summary, max),
  ...(violation.numbers && { numbers: { ...violation.numbers, of: foreignName(violation.numbers.of) } }),
});

const tamedFailure = (failure: Failure, max: number): Failure => ({
  ...failure,
  type: foreignName(failure.type),
  message: foreign(failure.message, max),
});

const tamedEntry = ({ property, backend, reason, link }: KnownFailure): KnownFailure => ({
  property: foreignName(property),
  backend: foreignName(backend),
  reason: foreign(reason),
  ...(link !== undefined && { link: foreignName(link) }),
});

/** 10485760 as 10,485,760, the same wherever it runs. */
export function thousands(n: number): string {
  return String(n).replaceAll(/\B(?=(\d{3})+$)/g, ',');
}
