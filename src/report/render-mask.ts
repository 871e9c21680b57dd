/** The picture of a mask as text: a row per query, a column per key. */
import type { Picture } from '../engine/events';
import { isTrouble, meanings, panelsOf, type Cell, type Panel } from './mask-panels';
import { count, marksOf, paint, type Style } from './style';

/** The lines of the picture, legend included. */
export function renderMask(picture: Picture, style: Style): string[] {
  const { panels, left, of, present } = panelsOf(picture, { shown: 16, panels: 4 });
  return [
    ...panels.flatMap((panel) => [...(panel.title === '' ? [] : [panel.title]), ...grid(panel, style)]),
    ...(left > 0 ? [`${marksOf(style).more} ${left} more of ${of} different batches and heads`] : []),
    present.map((cell) => `${markOf(cell, style)} ${meanings[cell]}`).join('   '),
  ];
}

function grid({ keys, rows, moreKeys, moreQueries }: Panel, style: Style): string[] {
  const marks = marksOf(style);
  const keyNames = keys.map((j) => `k${j}`);
  const queryNames = rows.map(({ query }) => `q${query}`);
  const cellWidth = Math.max(2, ...keyNames.map((name) => name.length));
  const nameWidth = Math.max(2, ...queryNames.map((name) => name.length));
  const more = moreKeys > 0 ? ` ${marks.more} ${count(moreKeys, 'more key')}` : '';
  return [
    `  ${' '.repeat(nameWidth)} ${keyNames.map((name) => name.padStart(cellWidth)).join(' ')}${more}`,
    ...rows.map(({ cells, remarks }, n) => {
      const drawn = cells.map((cell) => ' '.repeat(cellWidth - 1) + markOf(cell, style));
      const remark = remarks.length === 0 ? '' : `   ${marks.arrow} ${remarks.join('; ')}`;
      return `  ${queryNames[n].padStart(nameWidth)} ${drawn.join(' ')}${remark}`;
    }),
    ...(moreQueries > 0 ? [`  ${marks.more} ${count(moreQueries, 'more query', 'more queries')}`] : []),
  ];
}

function markOf(cell: Cell, style: Style): string {
  const mark = marksOf(style)[cell];
  return isTrouble(cell) ? paint(style, 'red', mark) : cell === 'dropped' ? paint(style, 'dim', mark) : mark;
}
