/** `maskproof compare` as text: a line for each pair, and what tells the two apart. */
import type { BackendInfo, Outcome } from '../engine/events';
import type { Difference, PairParity, Parity } from '../parity/run';
import { renderFinding } from './finding';
import { count, escapeControls, marksOf, paint, type Style } from './style';

export interface ParityContext {
  readonly style: Style;
  readonly backends: readonly BackendInfo[];
  /** The command that shows it all again. */
  readonly again: string;
}

export function renderParity(parity: Parity, context: ParityContext): string {
  const { style } = context;
  const marks = marksOf(style);
  const header = ['', '', 'rows', 'largest', 'p99', 'declared otherwise', ''];
  const lines = parity.pairs.map(({ first, second, rows, largest, p99, differing }) => [
    escapeControls(first),
    escapeControls(second),
    rows.compared.toLocaleString('en'),
    radii(largest),
    radii(p99),
    rows.declared.toLocaleString('en'),
    rows.compared === 0
      ? `${marks.skipped} nothing compared`
      : differing === 0
        ? `${marks.held} agree`
        : `${marks.violated} differ in ${count(differing, 'case')}`,
  ]);
  const widths = header.map((_, column) => Math.max(...[header, ...lines].map((line) => line[column].length)));
  const row = (cells: readonly string[]) =>
    `  ${cells.map((cell, n) => (n < 2 || n === 6 ? cell.padEnd(widths[n]) : cell.padStart(widths[n]))).join('  ')}`.trimEnd();
  return [
    paint(style, 'bold', row(header)),
    ...lines.map((line, n) => paint(style, parity.pairs[n].differing === 0 ? 'green' : 'red', row(line))),
    '',
    'In sums of the radii of the two: what is above 1 cannot be rounding.',
    ...parity.silences.map(
      ({ backend, cases, message }) =>
        `${marks.failed} ${escapeControls(backend)} did not answer ${count(cases, 'time')}: ${escapeControls(message)}`,
    ),
    ...parity.pairs.flatMap((pair) => (pair.difference ? ['', ...pictureOf(pair, pair.difference, context)] : [])),
    ...(parity.interrupted ? ['', `Interrupted after ${count(parity.cases, 'case')}.`] : []),
    ...(parity.pairs.some(({ difference }) => difference) ? [] : ['', `Again: ${context.again}`]),
  ].join('\n');
}

/** Three digits, and a power of ten where it is large. */
function radii(x: number): string {
  if (x === 0 || !Number.isFinite(x)) return String(x);
  return x >= 1e4 || x < 1e-3 ? x.toExponential(1) : x.toPrecision(3);
}

function pictureOf({ first, second }: PairParity, difference: Difference, context: ParityContext): string[] {
  const backend = context.backends.find(({ name }) => name === first);
  if (backend === undefined) return [];
  const outcome: Outcome = {
    property: 'compare',
    statement: `${first} and ${second} answer the same.`,
    backend: `${first} and ${second}`,
    status: 'violated',
    cases: difference.found,
    calls: 0,
    seconds: 0,
    rows: { compared: 0, blind: 0, out_of_range: 0, empty: 0, not_bitwise: 0 },
  };
  const counterexample = {
    ...difference,
    after: [],
    leaked: [],
    ignored: [],
    calls: 0,
    contents: { failed: 0, tried: 0 },
  };
  return renderFinding(outcome, counterexample, [], { style: context.style, backend, again: context.again });
}
