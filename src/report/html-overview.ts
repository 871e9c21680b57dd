/** The whole run at a glance: a mark for every law on every backend. */
import type { BackendInfo, Outcome, Report } from '../engine/events';
import type { Told } from './html-finding';
import { markup, type Markup } from './markup';
import { marksOf } from './style';

/** A part of the page. */
export interface Section {
  readonly id: string;
  readonly title: string;
  readonly body: Markup;
}

export type Verdict = 'held' | 'violated' | 'failed' | 'known' | 'fixed' | 'skipped';

const marks = marksOf({ ascii: false, color: false });
export const signs: Readonly<Record<Verdict, string>> = {
  held: marks.held,
  violated: marks.violated,
  failed: marks.failed,
  known: '◇',
  fixed: '◆',
  skipped: marks.skipped,
};
export const words: Readonly<Record<Verdict, string>> = {
  held: 'held',
  violated: 'violated',
  failed: 'failed',
  known: 'known to fail',
  fixed: 'known to fail, holds now',
  skipped: 'skipped',
};

export function verdict({ status, known, fixed }: Outcome): Verdict {
  return fixed ? 'fixed' : known ? 'known' : status;
}

/** `addresses`: where on the page an outcome is told in full. */
export function overview(
  { backends }: Report,
  told: readonly Told[],
  addresses: ReadonlyMap<Told, string>,
): Section | undefined {
  if (told.length === 0) return undefined;
  const present = new Set(told.map(({ outcome }) => verdict(outcome)));
  const key = markup`<p class="key">${(Object.keys(signs) as Verdict[]).filter((name) => present.has(name)).map((name) => markup`<span><span class="${name}" aria-hidden="true">${signs[name]}</span> ${words[name]}</span>`)}</p>`;
  return {
    id: 'overview',
    title: 'Overview',
    body:
      backends.length === 1
        ? markup`${alone(backends[0], told, addresses)}${key}`
        : markup`<div class="glance">${matrix(backends, told, addresses)}<div class="beside">${key}${versionList(backends)}</div></div>`,
  };
}

const areaOf = (property: string) => property.split('/')[0];

/** One backend: its laws area by area. */
function alone(backend: BackendInfo, told: readonly Told[], addresses: ReadonlyMap<Told, string>): Markup {
  const areas = new Map<string, Told[]>();
  for (const one of told) {
    const area = areaOf(one.outcome.property);
    areas.set(area, [...(areas.get(area) ?? []), one]);
  }
  return markup`<h3 class="name"><bdi>${backend.name}</bdi>${versionsOf(backend)}</h3>
<div class="areas">${[...areas].map(
    ([area, all]) =>
      markup`<div><h4>${area}</h4><ul class="chips">${all.map((one) => markup`<li>${chip(one, addresses)}</li>`)}</ul></div>
`,
  )}</div>
`;
}

/** Several: a row a law, a column a backend. */
function matrix(backends: readonly BackendInfo[], told: readonly Told[], addresses: ReadonlyMap<Told, string>): Markup {
  const at = new Map(backends.map((backend, column) => [backend, column]));
  const rows = new Map<string, (Told | undefined)[]>();
  for (const one of told) {
    const row = rows.get(one.outcome.property) ?? backends.map(() => undefined);
    row[at.get(one.backend) ?? 0] = one;
    rows.set(one.outcome.property, row);
  }
  let last = '';
  const lines = [...rows].map(([property, row]) => {
    const isNew = areaOf(property) !== last;
    last = areaOf(property);
    return markup`<tr${isNew ? markup` class="first"` : undefined}><th scope="row"><code>${property}</code></th>${row.map((one) => markup`<td>${one && chip(one, addresses)}</td>`)}</tr>
`;
  });
  return markup`<div class="scroll" role="group" aria-label="Every law on every backend" tabindex="0"><table class="matrix">
<thead><tr><td></td>${backends.map(({ name }) => markup`<th scope="col"><span><bdi>${name}</bdi></span></th>`)}</tr></thead>
<tbody>
${lines}</tbody>
</table></div>`;
}

const versionList = (backends: readonly BackendInfo[]): Markup =>
  markup`<ul class="versions">${backends.map((backend) => markup`<li><bdi>${backend.name}</bdi>${versionsOf(backend)}</li>`)}</ul>`;

function versionsOf({ versions }: BackendInfo): Markup | undefined {
  const all = Object.entries(versions).map(([name, version]) => `${name} ${version}`);
  return all.length === 0 ? undefined : markup`<small>${all.join(', ')}</small>`;
}

function chip(one: Told, addresses: ReadonlyMap<Told, string>): Markup {
  const { outcome } = one;
  const name = verdict(outcome);
  const text = `${outcome.property} on ${outcome.backend}: ${words[name]}`;
  const inside = markup`<span aria-hidden="true">${signs[name]}</span><span class="hidden">${text}</span>`;
  const address = addresses.get(one);
  return address === undefined
    ? markup`<span class="chip ${name}" title="${text}">${inside}</span>`
    : markup`<a class="chip ${name}" href="#${address}" title="${text}">${inside}</a>`;
}
