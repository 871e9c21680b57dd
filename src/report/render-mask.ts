/** The picture of a mask: a row per query, a column per key. */
import { sizesOf } from '../../reference/case';
import { keeps } from '../../reference/masks';
import type { Picture } from '../engine/events';
import { count, marksOf, paint, type Style } from './style';

/** Beyond this many keys or queries, only the region round what is wrong is drawn. */
const MAX_SHOWN = 16;
/** Beyond this many different batches and heads, only those with something wrong in them. */
const MAX_PANELS = 4;

/** One batch and head: the state of every cell, row by row. */
interface Panel {
  readonly b: number;
  readonly h: number;
  readonly cells: readonly (readonly Cell[])[];
  readonly wrongRows: ReadonlySet<number>;
}
type Cell = 'kept' | 'dropped' | 'leaked' | 'ignored';

const isTrouble = (cell: Cell) => cell === 'leaked' || cell === 'ignored';

/** The lines of the picture, legend included. */
export function renderMask(picture: Picture, style: Style): string[] {
  const { batch, numHeads, qLen, kvLen } = sizesOf(picture.case);
  const panels: Panel[] = [];
  for (let b = 0; b < batch; b++) for (let h = 0; h < numHeads; h++) panels.push(panelOf(picture, b, h, qLen, kvLen));

  const groups = groupAlike(panels);
  const inTrouble = groups.filter(
    ([panel]) => panel.wrongRows.size > 0 || panel.cells.some((row) => row.some(isTrouble)),
  );
  const drawn =
    groups.length > MAX_PANELS && inTrouble.length > 0 ? inTrouble.slice(0, MAX_PANELS) : groups.slice(0, MAX_PANELS);
  const left = groups.length - drawn.length;
  const lines = drawn.flatMap(([panel, ...alike]) => [
    ...(batch * numHeads > 1 ? [title(panel, numHeads) + alikeText(panel, alike)] : []),
    ...grid(panel, style),
  ]);
  if (left > 0) lines.push(`${marksOf(style).more} ${left} more of ${groups.length} different batches and heads`);
  return [
    ...lines,
    legend(
      drawn.map(([panel]) => panel),
      style,
    ),
  ];
}

function panelOf(
  { case: c, conventions, rows, leaked, ignored }: Picture,
  b: number,
  h: number,
  qLen: number,
  kvLen: number,
): Panel {
  const marked = new Set(
    [...leaked, ...ignored].filter((at) => at.b === b && at.h === h).map(({ i, j }) => i * kvLen + j),
  );
  const cells = Array.from({ length: qLen }, (_, i) =>
    Array.from({ length: kvLen }, (_, j): Cell => {
      const keep = keeps(c, conventions, b, h, i, j);
      if (!marked.has(i * kvLen + j)) return keep ? 'kept' : 'dropped';
      return keep ? 'ignored' : 'leaked';
    }),
  );
  return { b, h, cells, wrongRows: new Set(rows.filter((at) => at.b === b && at.h === h).map(({ i }) => i)) };
}

/** Panels of the same contents together, in the order of the first of each. */
function groupAlike(panels: readonly Panel[]): [Panel, ...Panel[]][] {
  const groups = new Map<string, [Panel, ...Panel[]]>();
  for (const panel of panels) {
    const contents = JSON.stringify([panel.cells, [...panel.wrongRows].sort()]);
    const group = groups.get(contents);
    if (group === undefined) groups.set(contents, [panel]);
    else group.push(panel);
  }
  return [...groups.values()];
}

const title = ({ b, h }: Panel, numHeads: number) => (numHeads > 1 ? `batch ${b}, head ${h}` : `batch ${b}`);

function alikeText(panel: Panel, alike: readonly Panel[]): string {
  if (alike.length === 0) return '';
  if (alike.every(({ b }) => b === panel.b)) return ` (${count(alike.length, 'more head')} alike)`;
  if (alike.every(({ h }) => h === panel.h)) return ` (${count(alike.length, 'more batch', 'more batches')} alike)`;
  return ` (${alike.length} more alike)`;
}

function grid({ cells, wrongRows }: Panel, style: Style): string[] {
  const marks = marksOf(style);
  const qLen = cells.length;
  const kvLen = cells[0]?.length ?? 0;
  const troubled = cells.flatMap((row, i) => (wrongRows.has(i) || row.some(isTrouble) ? [i] : []));
  const rows = shown(qLen, troubled, troubled);
  const keysIn = (wanted: (cell: Cell) => boolean) =>
    Array.from({ length: kvLen }, (_, j) => j).filter((j) => rows.some((i) => wanted(cells[i][j])));
  const columns = shown(
    kvLen,
    keysIn(isTrouble),
    keysIn((cell) => cell === 'kept'),
  );

  const keyNames = columns.map((j) => `k${j}`);
  const queryNames = rows.map((i) => `q${i}`);
  const cellWidth = Math.max(2, ...keyNames.map((name) => name.length));
  const nameWidth = Math.max(2, ...queryNames.map((name) => name.length));
  const moreKeys = kvLen > columns.length ? ` ${marks.more} ${count(kvLen - columns.length, 'more key')}` : '';
  const lines = [
    `  ${' '.repeat(nameWidth)} ${keyNames.map((name) => name.padStart(cellWidth)).join(' ')}${moreKeys}`,
    ...rows.map((i, n) => {
      const drawn = columns.map((j) => ' '.repeat(cellWidth - 1) + markOf(cells[i][j], style));
      return `  ${queryNames[n].padStart(nameWidth)} ${drawn.join(' ')}${remark(cells[i], wrongRows.has(i), style)}`;
    }),
  ];
  if (qLen > rows.length) lines.push(`  ${marks.more} ${count(qLen - rows.length, 'more query', 'more queries')}`);
  return lines;
}

function remark(row: readonly Cell[], isWrong: boolean, style: Style): string {
  const remarks = [
    ...(row.some((cell) => cell === 'kept' || cell === 'ignored') ? [] : ['no key kept']),
    ...(isWrong && !row.some(isTrouble) ? ['differs'] : []),
  ];
  return remarks.length === 0 ? '' : `   ${marksOf(style).arrow} ${remarks.join('; ')}`;
}

function markOf(cell: Cell, style: Style): string {
  const mark = marksOf(style)[cell];
  return isTrouble(cell) ? paint(style, 'red', mark) : cell === 'dropped' ? paint(style, 'dim', mark) : mark;
}

/** Which of `length` indices are drawn: all where they fit, else from the nearest neighbour before the trouble to the nearest after it. */
function shown(length: number, trouble: readonly number[], neighbours: readonly number[]): number[] {
  if (length <= MAX_SHOWN) return Array.from({ length }, (_, n) => n);
  const first = trouble[0] ?? 0;
  const last = trouble.at(-1) ?? first;
  const low = neighbours.findLast((n) => n < first) ?? Math.max(0, first - 1);
  const high = neighbours.find((n) => n > last) ?? Math.min(length - 1, last + 1);
  const from = high - low < MAX_SHOWN ? low : Math.max(0, first - 1);
  const to = trouble.length === 0 ? MAX_SHOWN - 1 : Math.min(high, from + MAX_SHOWN - 1);
  return Array.from({ length: to - from + 1 }, (_, n) => from + n);
}

const meanings: Readonly<Record<Cell, string>> = {
  kept: 'kept',
  dropped: 'dropped',
  leaked: 'dropped by the mask, yet used',
  ignored: 'kept, yet not used',
};

function legend(panels: readonly Panel[], style: Style): string {
  const present = new Set(panels.flatMap(({ cells }) => cells.flat()));
  return (Object.keys(meanings) as Cell[])
    .filter((cell) => !isTrouble(cell) || present.has(cell))
    .map((cell) => `${markOf(cell, style)} ${meanings[cell]}`)
    .join('   ');
}
