/** What was drawn and checked: each facet by itself, and the kinds of mask in all their circumstances. */
import { combinedFacets, valuesOf, type CombinedFacet } from '../engine/coverage';
import type { CoverageCell, DrawnCell, Report } from '../engine/events';
import { thousands } from './foreign';
import type { Section } from './html-overview';
import { markup, type Markup } from './markup';

export function coverage({ coverage: cells, combinations }: Report): Section | undefined {
  if (cells.length === 0) return undefined;
  return {
    id: 'coverage',
    title: 'What was drawn and checked',
    body: markup`${circumstances(combinations)}<div class="facets">${[...byFacet(cells)].map(facetTable)}</div>`,
  };
}

function byFacet(cells: readonly CoverageCell[]): Map<string, CoverageCell[]> {
  const facets = new Map<string, CoverageCell[]>();
  for (const cell of cells) facets.set(cell.facet, [...(facets.get(cell.facet) ?? []), cell]);
  return facets;
}

function facetTable([facet, own]: readonly [string, readonly CoverageCell[]]): Markup {
  const total = Math.max(
    1,
    own.reduce((sum, { cases }) => sum + cases, 0),
  );
  const bar = (name: string, n: number) =>
    markup`<rect class="${name}" width="${percent((100 * n) / total)}" height="100%" rx="2"/>`;
  return markup`<table><caption>${spaced(facet)}</caption><tbody>
${own.map(
  ({ value, cases, checked }) =>
    markup`<tr><th scope="row">${spaced(value)}</th><td><svg aria-hidden="true">${bar('fill-drawn', cases)}${bar('fill-bar', checked)}</svg></td><td>${checked === cases ? '' : `${thousands(checked)} of `}${thousands(cases)}</td></tr>
`,
)}</tbody></table>
`;
}

/** Cases that were checked: a row a kind of mask, a column whatever else a case is. */
function circumstances(combinations: readonly DrawnCell[]): Markup | undefined {
  const counts = new Map<string, number>();
  const seen: Record<CombinedFacet, Set<string>> = {
    mask_rank: new Set(),
    mask_form: new Set(),
    kind: new Set(),
    dtype: new Set(),
    bridge: new Set(),
    heads: new Set(),
    rows: new Set(),
  };
  for (const { cell, checked } of combinations) {
    const values = valuesOf(cell);
    if (values === undefined) continue;
    for (const facet of combinedFacets) {
      seen[facet].add(values[facet]);
      const key = `${values.kind} ${facet} ${values[facet]}`;
      counts.set(key, (counts.get(key) ?? 0) + checked);
    }
  }
  const kinds = [...seen.kind].sort();
  if (kinds.length < 2) return undefined;
  const others = combinedFacets.filter((facet) => facet !== 'kind');
  const columns = others.flatMap((facet) => [...seen[facet]].sort().map((value) => ({ facet, value })));
  const most = Math.max(1, ...counts.values());
  const square = (kind: string, { facet, value }: { facet: CombinedFacet; value: string }, n: number) => {
    const cases = counts.get(`${kind} ${facet} ${value}`) ?? 0;
    const edge = n > 0 && columns[n - 1].facet !== facet ? ' edge' : '';
    // By powers of two: what is rare is told from what never was.
    const heat = cases === 0 ? 0 : 1 + Math.floor((8 * Math.log2(cases)) / Math.log2(2 * most));
    return markup`<td class="heat h${heat}${edge}" title="${spaced(kind)}, ${spaced(facet)} ${spaced(value)}: ${thousands(cases)} checked">${cases === 0 ? '' : short(cases)}</td>`;
  };
  return markup`<div class="scroll" role="group" aria-label="Cases checked, by kind of mask" tabindex="0"><table class="circumstances">
<caption>Cases checked, by kind of mask and by what else they are</caption>
<thead><tr><td></td>${others.map((facet) => markup`<th scope="colgroup" colspan="${seen[facet].size}" class="edge">${spaced(facet)}</th>`)}</tr>
<tr><td></td>${columns.map(({ value }) => markup`<th scope="col"><span>${spaced(value)}</span></th>`)}</tr></thead>
<tbody>
${kinds.map(
  (kind) => markup`<tr><th scope="row">${spaced(kind)}</th>${columns.map((column, n) => square(kind, column, n))}</tr>
`,
)}</tbody>
</table></div>
`;
}

const spaced = (name: string) => name.replaceAll('_', ' ');
/** 940, 1.2k, 31k, 2.4M. */
function short(n: number): string {
  if (n < 1000) return String(n);
  const [size, unit] = n < 1e6 ? [n / 1e3, 'k'] : [n / 1e6, 'M'];
  return `${size < 10 ? size.toFixed(1) : Math.round(size)}${unit}`;
}

export const percent = (x: number) => `${Number(x.toFixed(3))}%`;
