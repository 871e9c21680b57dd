/** `maskproof compare` as text: a line for each pair, and what tells the two apart. */
import type { BackendInfo, Outcome } from '../engine/events';
import type { Difference, PairParity, Parity } from '../parity/run';
import { caseToWire } from '../protocol/codec';
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
  const models = context.backends.some(({ supports }) => supports.model !== undefined);
  const summary = parity.pairs.map(({ rows, largest, p99, differing }) => [
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
  const regimes = [...new Set(parity.pairs.flatMap((pair) => pair.regimes.map(({ name }) => name)))];
  const byRegime = (of: 'largest' | 'unclaimed') =>
    parity.pairs.map((pair) =>
      regimes.map((name) => {
        const found = pair.regimes.find((regime) => regime.name === name);
        return found === undefined || (of === 'largest' && found.rows === 0) ? '' : radii(found[of]);
      }),
    );
  const different = parity.pairs.some(({ differing }) => differing > 0);
  return [
    ...table(parity, ['', models ? 'tokens' : 'rows', 'largest', 'p99', 'declared otherwise', ''], summary, style),
    '',
    models
      ? 'Differences of logits, in sums of what rounding may do to the two: what is above 1 is something else.'
      : 'In sums of the radii of the two: what is above 1 cannot be rounding.',
    ...(models || different
      ? ['', ...table(parity, ['largest, by mask', ...regimes], byRegime('largest'), style)]
      : []),
    ...(models
      ? ['', ...table(parity, ['at padded positions, not judged', ...regimes], byRegime('unclaimed'), style)]
      : []),
    ...parity.silences.map(
      ({ backend, cases, message }) =>
        `${marks.failed} ${escapeControls(backend)} did not answer ${count(cases, 'time')}: ${escapeControls(message)}`,
    ),
    ...pictures(parity, context),
    ...(parity.interrupted ? ['', `Interrupted after ${count(parity.cases, 'case')}.`] : []),
    ...(different ? [] : ['', `Again: ${context.again}`]),
  ].join('\n');
}

/** A line a pair, under a heading; the first words of the heading stand over the pairs. */
function table(
  { pairs }: Parity,
  [title, ...heading]: readonly string[],
  cells: readonly (readonly string[])[],
  style: Style,
): string[] {
  const names = pairs.map(({ first, second }) => [escapeControls(first), escapeControls(second)]);
  const left = [0, 1].map((n) => Math.max(...names.map((name) => name[n].length)));
  const pairNames = names.map((name) => name.map((text, n) => text.padEnd(left[n])).join('  '));
  const lines = [[title, ...heading], ...pairNames.map((name, n) => [name, ...cells[n]])];
  const widths = lines[0].map((_, column) => Math.max(...lines.map((line) => line[column].length)));
  return lines.map((line, n) => {
    const text = line
      // The last column of the summary is words.
      .map((cell, column) =>
        column === 0 || heading[column - 1] === '' ? cell.padEnd(widths[column]) : cell.padStart(widths[column]),
      )
      .join('  ')
      .trimEnd();
    return `  ${n === 0 ? paint(style, 'bold', text) : paint(style, pairs[n - 1].differing === 0 ? 'green' : 'red', text)}`;
  });
}

/** Three digits, and a power of ten where it is large. */
function radii(x: number): string {
  if (x === 0 || !Number.isFinite(x)) return String(x);
  return x >= 1e4 || x < 1e-3 ? x.toExponential(1) : x.toPrecision(3);
}

/** Every smallest case once, however many pairs it tells apart. */
function pictures({ pairs }: Parity, context: ParityContext): string[] {
  const byCase = new Map<
    string,
    { readonly pair: PairParity; readonly difference: Difference; others: PairParity[] }
  >();
  for (const pair of pairs) {
    const { difference } = pair;
    if (difference === undefined) continue;
    const key = JSON.stringify(caseToWire(difference.case));
    const found = byCase.get(key);
    if (found === undefined) byCase.set(key, { pair, difference, others: [] });
    else found.others.push(pair);
  }
  return [...byCase.values()].flatMap(({ pair, difference, others }) => [
    '',
    ...pictureOf(pair, difference, context),
    ...others.map(
      ({ first, second }) => `  The same case tells ${escapeControls(first)} from ${escapeControls(second)}.`,
    ),
  ]);
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
