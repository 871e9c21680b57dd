/** What a person reads: a header, a line per outcome, the findings, what was not checked, and a summary. Made from events alone. */
import type { BackendInfo, Listener, Outcome, ReferenceInfo, Report, RunEvent } from '../engine/events';
import { packageVersion } from '../version';
import { failureGroups, renderFinding, replayCommand, shapeKey } from './finding';
import { foreign, foreignName } from './foreign';
import { notCheckedIn, type LeftOut, type NotChecked } from './not-checked';
import { starvedLine } from './starved';
import { count, escapeControls, indent, marksOf, paint, type Style } from './style';

/** Properties listed by id where something is said of several. */
const MAX_NAMED = 6;

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
  /** Outcomes of one backend and area ('forms', 'padding', ...) that have not been summed up yet. */
  let area: Outcome[] = [];
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
  const under = (name: string, text: string) => {
    if (name !== backend) ['', paint(style, 'bold', foreignName(name))].forEach(line);
    backend = name;
    line(`  ${text}`);
  };
  const endArea = () => {
    const text = areaLine(area, style);
    if (text !== undefined) under(area[0].backend, text);
    area = [];
  };
  return (event: RunEvent) => {
    switch (event.type) {
      case 'run_started':
        headerOf(event).forEach(line);
        return;
      case 'outcome_started':
        position = `${event.index + 1}/${event.total}`;
        progress(`${position} ${event.property} on ${foreignName(event.backend)}`);
        return;
      case 'progress':
        progress(
          `${position} ${event.property} on ${foreignName(event.backend)}: ${event.stage}, ${count(event.cases, 'case')}, ${count(event.calls, 'call')}`,
        );
        return;
      case 'outcome':
        if (!isSameArea(area[0], event.outcome)) endArea();
        area.push(event.outcome);
        if (isNews(event.outcome)) under(event.outcome.backend, newsLine(event.outcome, style));
        return;
      case 'run_finished':
        endArea();
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
    ...event.backends.map(({ name, versions }) => `backend ${foreignName(name)}${describeVersions(versions)}`),
    [count(event.properties, 'property', 'properties'), ...budget].join(', '),
  ];
}

export function describeReference({ name, precision, device, reason }: ReferenceInfo): string {
  return `${[name, precision, ...(device === undefined ? [] : [device])].join(', ')}${reason === undefined ? '' : ` (${reason})`}`;
}

function describeVersions(versions: BackendInfo['versions']): string {
  const known = Object.entries(versions).map(([name, version]) => foreignName(`${name} ${version}`));
  return known.length === 0 ? '' : ` (${known.join(', ')})`;
}

const areaOf = ({ property }: Outcome) => property.split('/')[0];

function isSameArea(last: Outcome | undefined, next: Outcome): boolean {
  return last === undefined || (last.backend === next.backend && areaOf(last) === areaOf(next));
}

/** What gets a line of its own; all else is summed up by area. */
function isNews({ status, known, fixed }: Outcome): boolean {
  return status === 'violated' || status === 'failed' || known !== undefined || fixed !== undefined;
}

/** '✔ forms: 6 held, 600 cases; 1 skipped'; undefined where nothing held: what was skipped is told at the end. */
function areaLine(outcomes: readonly Outcome[], style: Style): string | undefined {
  const quiet = outcomes.filter((outcome) => !isNews(outcome));
  const held = quiet.filter(({ status }) => status === 'held');
  if (held.length === 0) return undefined;
  const cases = held.reduce((total, outcome) => total + outcome.cases, 0);
  const parts = [
    `${held.length} held, ${count(cases, 'case')}`,
    ...(quiet.length > held.length ? [`${quiet.length - held.length} skipped`] : []),
  ];
  return `${paint(style, 'green', marksOf(style).held)} ${areaOf(quiet[0])}: ${parts.join('; ')}`;
}

function newsLine(outcome: Outcome, style: Style): string {
  const marks = marksOf(style);
  const color = outcome.known || outcome.fixed ? 'yellow' : 'red';
  const note = outcome.known ? ', known' : '';
  if (outcome.fixed) return `${paint(style, color, marks.held)} ${outcome.property}: known to fail, holds now`;
  return outcome.status === 'failed'
    ? `${paint(style, color, marks.failed)} ${outcome.property}: failed at stage ${outcome.failure?.stage ?? 'answer'}${note}`
    : `${paint(style, color, marks.violated)} ${outcome.property}: violated after ${count(outcome.cases, 'case')}${note}`;
}

function closingOf(report: Report, options: TextOptions): string[] {
  const { style } = options;
  return [
    ...findingsOf(report, options),
    ...failuresOf(report, options),
    ...fixedOf(report, style),
    ...notCheckedLines(notCheckedIn(report, options.leftOut), style),
    ...coverageLines(report, style),
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

function failuresOf({ outcomes, backends }: Report, { style }: TextOptions): string[] {
  return failureGroups(outcomes).flatMap((group) => {
    const [{ backend, failure }] = group;
    if (failure === undefined) return [];
    const replayable = group.find(({ failure: met }) => met?.path !== undefined);
    return [
      '',
      `${paint(style, 'red', marksOf(style).failed)} ${paint(style, 'bold', foreignName(backend))} failed at stage ${failure.stage}`,
      ...indent(foreign(`${failure.type}: ${failure.message}`).split('\n'), '  '),
      ...(failure.stage === 'load' || failure.stage === 'open' ? [] : [`  Met by ${namesOf(group)}.`]),
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
          `${paint(style, 'yellow', marksOf(style).held)} ${fixed.property} on ${foreignName(backend)} is listed as a known failure and holds now: ${foreign(fixed.reason)}`,
          '  Take its entry out of the file of known failures.',
        ],
  );
}

/** What was not checked, backend by backend. */
export function notCheckedLines(items: readonly NotChecked[], style: Style): string[] {
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
      foreignName(backend),
      ...own
        .filter(({ kind }) => kind === 'not_loaded')
        .map(({ reason }) => `  does not load here: ${foreign(reason)}`),
      ...[...skips].map(([reason, skipped]) => `  ${namesOf(skipped)}: ${foreign(reason)}`),
      ...(abilities.length > 0 ? [`  not declared: ${abilities.join('; ')}`] : []),
      ...[...rows].map(([reason, left]) => {
        const sum = (of: 'rows' | 'of') => left.reduce((total, item) => total + (item[of] ?? 0), 0);
        return `  ${sum('rows')} of ${count(sum('of'), 'row')}: ${reason} (${namesOf(left)})`;
      }),
    ];
  });
  return ['', paint(style, 'bold', 'Not checked:'), ...indent(lines, '  ')];
}

/** What was checked too rarely; that nothing was, where there were enough cases to tell. */
function coverageLines({ starved, judged, backends }: Report, style: Style): string[] {
  if (judged === 0) return [];
  if (starved.length === 0)
    return [
      '',
      `Coverage: ${count(judged, 'facet and pair of facets', 'facets and pairs of facets')} judged, none starved.`,
    ];
  const lines = backends.flatMap(({ name }) => {
    const own = starved.filter(({ backend }) => backend === name);
    return own.length === 0 ? [] : [foreignName(name), ...own.map((cell) => `  ${escapeControls(starvedLine(cell))}`)];
  });
  return ['', paint(style, 'bold', 'Checked too rarely:'), ...indent(lines, '  ')];
}

/** The properties by id, or how many where they are too many to read. */
function namesOf(items: readonly { readonly property?: string }[]): string {
  return items.length <= MAX_NAMED
    ? items.map(({ property }) => property).join(', ')
    : count(items.length, 'property', 'properties');
}

function groupBy<T>(items: readonly T[], keyOf: (item: T) => string): Map<string, T[]> {
  const groups = new Map<string, T[]>();
  for (const item of items) groups.set(keyOf(item), [...(groups.get(keyOf(item)) ?? []), item]);
  return groups;
}

/** '45 held, 6 violated, 33 skipped; 913 cases in 5.0 s.' */
export function summaryOf({ outcomes, seconds, interrupted }: Report, style: Style): string {
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
