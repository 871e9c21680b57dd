/** What a picture of a mask shows: which batches and heads, which queries and keys, and what became of every cell. Data; others draw it. */
import { sizesOf } from '../../reference/case';
import { keeps } from '../../reference/masks';
import { isModelCase, modelSizesOf, sees } from '../../reference/model-case';
import type { Picture } from '../engine/events';
import { count } from './style';

export type Cell = 'kept' | 'dropped' | 'leaked' | 'ignored';

export const meanings: Readonly<Record<Cell, string>> = {
  kept: 'kept',
  dropped: 'dropped',
  leaked: 'dropped by the mask, yet used',
  ignored: 'kept, yet not used',
};

export interface PanelLimits {
  /** Beyond this many keys or queries, only the region round what is wrong is drawn. */
  readonly shown: number;
  /** Beyond this many different batches and heads, only those with something wrong in them. */
  readonly panels: number;
}

/** One batch and head, and those that look like it. */
export interface Panel {
  /** 'batch 1, head 0 (2 more heads alike)'; empty where there is only one. */
  readonly title: string;
  readonly b: number;
  readonly h: number;
  readonly keys: readonly number[];
  readonly rows: readonly {
    readonly query: number;
    readonly cells: readonly Cell[];
    readonly remarks: readonly string[];
  }[];
  readonly moreKeys: number;
  readonly moreQueries: number;
}

export interface Panels {
  readonly panels: readonly Panel[];
  /** Different batches and heads that are not drawn, of how many. */
  readonly left: number;
  readonly of: number;
  /** What a legend has to explain. */
  readonly present: readonly Cell[];
}

/** One batch and head whole. */
interface Whole {
  readonly b: number;
  readonly h: number;
  readonly cells: readonly (readonly Cell[])[];
  readonly wrongRows: ReadonlySet<number>;
}

export const isTrouble = (cell: Cell) => cell === 'leaked' || cell === 'ignored';

export function panelsOf(picture: Picture, limits: PanelLimits): Panels {
  const { batch, numHeads, qLen, kvLen } = gridOf(picture);
  const all: Whole[] = [];
  for (let b = 0; b < batch; b++) for (let h = 0; h < numHeads; h++) all.push(wholeOf(picture, b, h, qLen, kvLen));

  const groups = groupAlike(all);
  const inTrouble = groups.filter(([one]) => one.wrongRows.size > 0 || one.cells.some((row) => row.some(isTrouble)));
  const drawn =
    groups.length > limits.panels && inTrouble.length > 0
      ? inTrouble.slice(0, limits.panels)
      : groups.slice(0, limits.panels);
  const present = new Set(drawn.flatMap(([{ cells }]) => cells.flat()));
  return {
    panels: drawn.map(([one, ...alike]) => ({
      title: batch * numHeads > 1 ? title(one, numHeads) + alikeText(one, alike) : '',
      ...region(one, kvLen, limits.shown),
    })),
    left: groups.length - drawn.length,
    of: groups.length,
    present: (Object.keys(meanings) as Cell[]).filter((cell) => !isTrouble(cell) || present.has(cell)),
  };
}

/** Of a whole model, what token i may see of token j: a head of one. */
function gridOf({ case: c }: Picture) {
  if (!isModelCase(c)) return sizesOf(c);
  const { batch, seqLen } = modelSizesOf(c);
  return { batch, numHeads: 1, qLen: seqLen, kvLen: seqLen };
}

function wholeOf(
  { case: c, conventions, rows, leaked, ignored }: Picture,
  b: number,
  h: number,
  qLen: number,
  kvLen: number,
): Whole {
  const marked = new Set(
    [...leaked, ...ignored].filter((at) => at.b === b && at.h === h).map(({ i, j }) => i * kvLen + j),
  );
  const cells = Array.from({ length: qLen }, (_, i) =>
    Array.from({ length: kvLen }, (_, j): Cell => {
      const keep = isModelCase(c) ? sees(c, b, i, j) : keeps(c, conventions, b, h, i, j);
      if (!marked.has(i * kvLen + j)) return keep ? 'kept' : 'dropped';
      return keep ? 'ignored' : 'leaked';
    }),
  );
  return { b, h, cells, wrongRows: new Set(rows.filter((at) => at.b === b && at.h === h).map(({ i }) => i)) };
}

/** Those of the same contents together, in the order of the first of each. */
function groupAlike(all: readonly Whole[]): [Whole, ...Whole[]][] {
  const groups = new Map<string, [Whole, ...Whole[]]>();
  for (const one of all) {
    const contents = JSON.stringify([one.cells, [...one.wrongRows].sort()]);
    const group = groups.get(contents);
    if (group === undefined) groups.set(contents, [one]);
    else group.push(one);
  }
  return [...groups.values()];
}

const title = ({ b, h }: Whole, numHeads: number) => (numHeads > 1 ? `batch ${b}, head ${h}` : `batch ${b}`);

function alikeText(one: Whole, alike: readonly Whole[]): string {
  if (alike.length === 0) return '';
  if (alike.every(({ b }) => b === one.b)) return ` (${count(alike.length, 'more head')} alike)`;
  if (alike.every(({ h }) => h === one.h)) return ` (${count(alike.length, 'more batch', 'more batches')} alike)`;
  return ` (${alike.length} more alike)`;
}

/** The queries and keys that are drawn. */
function region({ b, h, cells, wrongRows }: Whole, kvLen: number, limit: number): Omit<Panel, 'title'> {
  const troubled = cells.flatMap((row, i) => (wrongRows.has(i) || row.some(isTrouble) ? [i] : []));
  const queries = shown(cells.length, troubled, troubled, limit);
  const keysIn = (wanted: (cell: Cell) => boolean) =>
    Array.from({ length: kvLen }, (_, j) => j).filter((j) => queries.some((i) => wanted(cells[i][j])));
  const keys = shown(
    kvLen,
    keysIn(isTrouble),
    keysIn((cell) => cell === 'kept'),
    limit,
  );
  return {
    b,
    h,
    keys,
    rows: queries.map((i) => ({
      query: i,
      cells: keys.map((j) => cells[i][j]),
      remarks: remarks(cells[i], wrongRows.has(i)),
    })),
    moreKeys: kvLen - keys.length,
    moreQueries: cells.length - queries.length,
  };
}

function remarks(row: readonly Cell[], isWrong: boolean): string[] {
  return [
    ...(row.some((cell) => cell === 'kept' || cell === 'ignored') ? [] : ['no key kept']),
    ...(isWrong && !row.some(isTrouble) ? ['differs'] : []),
  ];
}

/** Which of `length` indices are drawn: all where they fit, else from the nearest neighbour before the trouble to the nearest after it. */
function shown(length: number, trouble: readonly number[], neighbours: readonly number[], limit: number): number[] {
  if (length <= limit) return Array.from({ length }, (_, n) => n);
  const first = trouble[0] ?? 0;
  const last = trouble.at(-1) ?? first;
  const low = neighbours.findLast((n) => n < first) ?? Math.max(0, first - 1);
  const high = neighbours.find((n) => n > last) ?? Math.min(length - 1, last + 1);
  const from = high - low < limit ? low : Math.max(0, first - 1);
  const to = trouble.length === 0 ? limit - 1 : Math.min(high, from + limit - 1);
  return Array.from({ length: to - from + 1 }, (_, n) => from + n);
}
