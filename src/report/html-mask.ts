/** The heat map of a mask: a table, so that it is read out cell by cell. Marks and colours say the same. */
import type { Picture } from '../engine/events';
import { biasAt } from '../../reference/masks';
import { isModelCase } from '../../reference/model-case';
import { meanings, panelsOf, type Cell, type Panel } from './mask-panels';
import { markup, type Markup } from './markup';
import { count, marksOf } from './style';

const marks = marksOf({ ascii: false, color: false });

export function maskFigure(picture: Picture): Markup {
  const { panels, left, of, present } = panelsOf(picture, { shown: 24, panels: 6 });
  return markup`<figure>
${panels.map((panel) => panelTable(panel, picture))}
${left > 0 ? markup`<p class="note">${left} more of ${of} different batches and heads are not drawn.</p>` : undefined}
<figcaption><ul>${present.map((cell) => markup`<li><span class="cell ${cell}" aria-hidden="true">${marks[cell]}</span>${meanings[cell]}</li>`)}</ul></figcaption>
</figure>`;
}

function panelTable({ title, b, h, keys, rows, moreKeys, moreQueries }: Panel, picture: Picture): Markup {
  const label = `The mask${title === '' ? '' : ` of ${title}`}: a row per query, a column per key`;
  const widest = keys.length + 2;
  return markup`<div class="panel scroll" role="group" aria-label="${label}" tabindex="0"><table class="map">
${title === '' ? undefined : markup`<caption class="of">${title}</caption>`}
<thead><tr><td></td>${keys.map((j) => markup`<th scope="col">k${j}</th>`)}${moreKeys > 0 ? markup`<th class="wide">... ${count(moreKeys, 'more key')}</th>` : undefined}</tr></thead>
<tbody>
${rows.map(
  ({ query, cells, remarks }) =>
    markup`<tr><th scope="row">q${query}</th>${cells.map((cell, n) => cellOf(cell, biasOf(picture, b, h, query, keys[n])))}${remarks.length > 0 ? markup`<td class="remark">${marks.arrow} ${remarks.join('; ')}</td>` : undefined}</tr>
`,
)}${moreQueries > 0 ? markup`<tr><th class="wide" colspan="${widest}">... ${count(moreQueries, 'more query', 'more queries')}</th></tr>` : undefined}</tbody>
</table></div>
`;
}

function cellOf(cell: Cell, bias: number): Markup {
  const meaning = bias === 0 ? meanings[cell] : `${meanings[cell]}, bias ${bias}`;
  return markup`<td class="cell ${cell}" title="${meaning}"><span aria-hidden="true">${marks[cell]}</span><span class="hidden">${meaning}</span></td>`;
}

/** What an additive mask adds there; a mask that the definition cannot read adds nothing. */
function biasOf({ case: c, conventions }: Picture, b: number, h: number, i: number, j: number): number {
  return isModelCase(c) ? 0 : biasAt(c, conventions, b, h, i, j);
}
