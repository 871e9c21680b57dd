/** What a person reads: a header, a line per outcome, the findings, what was not checked, and a summary. Made from events alone. */
import type { BackendInfo, Listener, Outcome, ReferenceInfo, Report, RunEvent } from '../engine/events';
import { packageVersion } from '../version';
import { renderFinding, replayCommand, shapeKey } from './finding';
import { notCheckedIn, type LeftOut, type NotChecked } from './not-checked';
import { count, escapeControls, indent, marksOf, paint, type Style } from './style';

export interface TextOptions {
  readonly style: Style;
  readonly write: (text: string) => void;
  /** A terminal to show progress on: its width. Absent elsewhere. */
  readonly terminal?: { readonly columns: number };
  /** Where an outcome's counterexample was saved. */
  readonly fileOf?: (outcome: Outcome) => string | undefined;
  /** Backends that nobody asked for by name and that do not load here. */
  readonly leftOut?: readonly LeftOut[];
}

/** A listener that writes for people. */
export function textReporter(options: TextOptions): Listener {
  const { style, write, terminal } = options;
  let backend: string | undefined;
  let position = '';
  let hasProgress = false;
  const line = (text = '') => {
    if (hasProgress) write('\r\u001b[K');
    hasProgress = false;
    write(`${text}\n`);
  };
  const progress = (text: string) => {
    if (terminal === undefined) return;
    write(`\r\u001b[K${text.slice(0, Math.max(0, terminal.columns - 1))}`);
    hasProgress = true;
  };
  return (event: RunEvent) => {
    switch (event.type) {
      case 'run_started':
        headerOf(event).forEach(line);
        return;
      case 'outcome_started':
        position = `${event.index + 1}/${event.total}`;
        progress(`${position} ${event.property} on ${escapeControls(event.backend)}`);
        return;
      case 'progress':
        progress(
          `${position} ${event.property} on ${escapeControls(event.backend)}: ${event.stage}, ${count(event.cases, 'case')}, ${count(event.calls, 'call')}`,
        );
        return;
      case 'outcome':
        if (event.outcome.backend !== backend) {
          backend = event.outcome.backend;
          line();
          line(paint(style, 'bold', escapeControls(backend)));
        }
        line(`  ${outcomeLine(event.outcome, style)}`);
        return;
      case 'run_finished':
        closingOf(event.report, options).forEach(line);
        return;
      default:
        event satisfies never;
    }
  };
}

/** A whole report as plain text, without its outcome lines: the findings, what was not checked, the summary. */
export function renderReport(report: Report): string {
  const style = { ascii: false, color: false };
  return closingOf(report, { style, write: () => undefined })
    .join('\n')
    .trimStart();
}

function headerOf(event: Extract<RunEvent, { type: 'run_started' }>): string[] {
  const { runs, seconds } = event.budget;
  const budget = [
    ...(runs === undefined ? [] : [`${count(runs, 'case')} each`]),
    ...(seconds === undefined ? [] : [`${seconds} s`]),
  ];
  return [
    `maskproof ${packageVersion()}  seed ${event.seed}`,
    `reference ${describeReference(event.reference)}`,
    ...event.backends.map(({ name, versions }) => `backend ${escapeControls(name)}${describeVersions(versions)}`),
    [count(event.properties, 'property', 'properties'), ...budget].join(', '),
  ];
}

export function describeReference({ name, precision, device, reason }: ReferenceInfo): string {
  return `${[name, precision, ...(device === undefined ? [] : [device])].join(', ')}${reason === undefined ? '' : ` (${reason})`}`;
}

function describeVersions(versions: BackendInfo['versions']): string {
  const known = Object.entries(versions).map(([name, version]) => escapeControls(`${name} ${version}`));
  return known.length === 0 ? '' : ` (${known.join(', ')})`;
}

function outcomeLine(outcome: Outcome, style: Style): string {
  const marks = marksOf(style);
  const cases = count(outcome.cases, 'case');
  const note = outcome.fixed ? ', known to fail: holds now' : outcome.known ? ', known' : '';
  switch (outcome.status) {
    case 'held':
      return `${paint(style, outcome.fixed ? 'yellow' : 'green', marks.held)} ${outcome.property}  ${paint(style, 'dim', cases)}${note}`;
    case 'violated':
      return `${paint(style, outcome.known ? 'yellow' : 'red', marks.violated)} ${outcome.property}  ${cases}${note}`;
    case 'failed':
      return `${paint(style, 'red', marks.failed)} ${outcome.property}  failed at stage ${outcome.failure?.stage ?? 'answer'}${note}`;
    case 'skipped':
      return paint(
        style,
        'dim',
        `${marks.skipped} ${outcome.property}  skipped: ${escapeControls(outcome.reason ?? '')}`,
      );
    default:
      return outcome.status satisfies never;
  }
}

function closingOf(report: Report, options: TextOptions): string[] {
  const { style } = options;
  return [
    ...findingsOf(report, options),
    ...failuresOf(report, options),
    ...fixedOf(report, style),
    ...notCheckedLines(notCheckedIn(report, options.leftOut), style),
    '',
    summaryOf(report, style),
  ];
}

function findingsOf({ outcomes, backends }: Report, { style, fileOf }: TextOptions): string[] {
  const groups = new Map<string, Outcome[]>();
  for (const outcome of outcomes) {
    if (outcome.status !== 'violated' || outcome.counterexample === undefined) continue;
    const key = JSON.stringify([outcome.backend, outcome.known !== undefined, shapeKey(outcome.counterexample)]);
    groups.set(key, [...(groups.get(key) ?? []), outcome]);
  }
  return [...groups.values()].flatMap(([first, ...alike]) => {
    const backend = backends.find(({ name }) => name === first.backend);
    if (backend === undefined || first.counterexample === undefined) return [];
    const context = { style, backend, file: fileOf?.(first) };
    return ['', ...renderFinding(first, first.counterexample, alike, context)];
  });
}

/** A backend that errs, once per message however many properties met it. */
function failuresOf({ outcomes, backends }: Report, { style }: TextOptions): string[] {
  const groups = new Map<string, Outcome[]>();
  for (const outcome of outcomes) {
    if (outcome.status !== 'failed' || outcome.failure === undefined) continue;
    const { stage, type, message } = outcome.failure;
    const key = JSON.stringify([outcome.backend, stage, type, message]);
    groups.set(key, [...(groups.get(key) ?? []), outcome]);
  }
  return [...groups.values()].flatMap((group) => {
    const [{ backend, failure }] = group;
    if (failure === undefined) return [];
    const replayable = group.find(({ failure: met }) => met?.path !== undefined);
    return [
      '',
      `${paint(style, 'red', marksOf(style).failed)} ${paint(style, 'bold', escapeControls(backend))} failed at stage ${failure.stage}`,
      ...indent(escapeControls(`${failure.type}: ${failure.message}`).split('\n'), '  '),
      `  Met by ${group.length <= 3 ? group.map(({ property }) => property).join(', ') : count(group.length, 'property', 'properties')}.`,
      ...(replayable === undefined
        ? []
        : [`  Again: ${replayCommand(replayable, backends.find(({ name }) => name === backend)?.spec ?? backend)}`]),
    ];
  });
}

function fixedOf({ outcomes }: Report, style: Style): string[] {
  return outcomes.flatMap(({ fixed, backend }) =>
    fixed === undefined
      ? []
      : [
          '',
          `${paint(style, 'yellow', marksOf(style).held)} ${fixed.property} on ${escapeControls(backend)} is listed as a known failure and holds now: ${fixed.reason}`,
          '  Take its entry out of the file of known failures.',
        ],
  );
}

function notCheckedLines(items: readonly NotChecked[], style: Style): string[] {
  if (items.length === 0) return [];
  const lines = [...new Set(items.map(({ backend }) => backend))].flatMap((backend) => {
    const own = items.filter((item) => item.backend === backend);
    const abilities = own.filter(({ kind }) => kind === 'undeclared').map(({ reason }) => reason);
    const skips = groupBy(
      own.filter(({ kind }) => kind === 'skipped'),
      ({ reason }) => reason,
    );
    const rows = groupBy(
      own.filter(({ kind }) => kind.endsWith('_rows')),
      ({ reason }) => reason,
    );
    return [
      escapeControls(backend),
      ...own
        .filter(({ kind }) => kind === 'not_loaded')
        .map(({ reason }) => `  does not load here: ${escapeControls(reason)}`),
      ...[...skips].map(
        ([reason, skipped]) => `  ${skipped.map(({ property }) => property).join(', ')}: ${escapeControls(reason)}`,
      ),
      ...(abilities.length > 0 ? [`  not declared: ${abilities.join('; ')}`] : []),
      ...[...rows].map(([reason, left]) => {
        const sum = (of: 'rows' | 'of') => left.reduce((total, item) => total + (item[of] ?? 0), 0);
        return `  ${sum('rows')} of ${count(sum('of'), 'row')}: ${reason} (${left.map(({ property }) => property).join(', ')})`;
      }),
    ];
  });
  return ['', paint(style, 'bold', 'Not checked:'), ...indent(lines, '  ')];
}

function groupBy<T>(items: readonly T[], keyOf: (item: T) => string): Map<string, T[]> {
  const groups = new Map<string, T[]>();
  for (const item of items) groups.set(keyOf(item), [...(groups.get(keyOf(item)) ?? []), item]);
  return groups;
}

function summaryOf({ outcomes, seconds, interrupted }: Report, style: Style): string {
  const having = (status: Outcome['status']) => outcomes.filter((outcome) => outcome.status === status);
  const known = outcomes.filter((outcome) => outcome.known !== undefined).length;
  const cases = outcomes.reduce((total, outcome) => total + outcome.cases, 0);
  const parts = [
    `${having('held').length} held`,
    `${having('violated').length} violated`,
    ...(having('failed').length > 0 ? [`${having('failed').length} failed`] : []),
    ...(known > 0 ? [`${known} of them known`] : []),
    `${having('skipped').length} skipped`,
  ];
  const text = `${parts.join(', ')}; ${count(cases, 'case')} in ${seconds.toFixed(1)} s.`;
  return paint(style, 'bold', interrupted ? `Interrupted: ${text}` : text);
}
