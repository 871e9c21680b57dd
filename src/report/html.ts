/** The report as one page: self-contained, offline, light and dark, for mouse, keyboard and screen reader. */
import { createHash } from 'node:crypto';
import type { Report } from '../engine/events';
import { packageVersion } from '../version';
import { failureGroups, quote } from './finding';
import { foreign, foreignName, tamed, thousands } from './foreign';
import { verdictOf } from './github';
import { coverage, percent } from './html-coverage';
import { commandBox, failureArticle, findingArticle, fixedArticle, type Told } from './html-finding';
import { overview, signs, verdict, words, type Section, type Verdict } from './html-overview';
import { script } from './html-script';
import { stylesheet } from './html-style';
import { Markup, markup } from './markup';
import { notCheckedIn, type LeftOut, type NotChecked } from './not-checked';
import type { FileOf } from './plain-finding';
import { count } from './style';
import { starvedLine } from './starved';
import { describeReference } from './text';

export interface HtmlOptions {
  readonly leftOut?: readonly LeftOut[];
  readonly fileOf?: FileOf;
}

/** Up to this many outcomes their table is open from the start. */
const MAX_OPEN = 60;

export function htmlText(report: Report, { leftOut = [], fileOf }: HtmlOptions = {}): string {
  const tame = tamed(report);
  const told = tellAll(tame, report, fileOf);
  const notChecked = notCheckedIn(tame, leftOut);
  const parts: readonly (Section | undefined)[] = [
    overview(tame, told, addressOf(told)),
    findings(told),
    failures(told),
    fixed(told),
    starvedCells(tame),
    knownFailures(told),
    laws(tame, told),
    coverage(tame),
    left(notChecked),
    rerun(tame),
  ];
  const sections = parts.filter((part) => part !== undefined);
  const title = headlineOf(tame);
  const page = markup`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src '${hashOf(stylesheet)}'; script-src '${hashOf(script)}'; base-uri 'none'; form-action 'none'">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${title} - maskproof</title>
<style>${new Markup(stylesheet)}</style>
</head>
<body>
<a class="skip" href="#main">Skip to the findings</a>
<div class="page">
<header>
<p class="brand"><b>maskproof</b> ${packageVersion()}</p>
<h1>${title}</h1>
<p class="lede">${ledeOf(tame)}</p>
${tally(tame)}
<nav aria-label="Parts of this page"><ul>${sections.map(({ id, title: name }) => markup`<li><a href="#${id}">${name}</a></li>`)}</ul></nav>
</header>
<main id="main">
${sections.map(({ id, title: name, body }) => markup`<section id="${id}" aria-labelledby="${id}-title"><h2 id="${id}-title">${name}</h2>\n${body}\n</section>\n`)}</main>
<footer>Made by maskproof ${packageVersion()}. The page is whole in itself and asks for nothing from anywhere.</footer>
</div>
<div class="hidden" id="said" role="status"></div>
<script>${new Markup(script)}</script>
</body>
</html>
`;
  return page.text;
}

/** '6 violations on boolean-added'; the backend is named where it is but one of several. */
function headlineOf(report: Report): string {
  const title = capital(verdictOf(report));
  const news = report.outcomes.filter((outcome) => ['violated', 'failed', 'fixed'].includes(verdict(outcome)));
  const names = [...new Set(news.map(({ backend }) => backend))];
  return names.length === 1 && !title.includes(',') && !title.includes('could not') ? `${title} on ${names[0]}` : title;
}

/** Every outcome with its backend and its place on the page. By position: two long names may have been cut to the same one. */
function tellAll(tame: Report, { outcomes, backends }: Report, fileOf?: FileOf): Told[] {
  return tame.outcomes.flatMap((outcome, n) => {
    const at = backends.findIndex(({ name }) => name === outcomes[n].backend);
    return at < 0 ? [] : [{ outcome, backend: tame.backends[at], file: fileOf?.(outcomes[n]), id: `outcome-${n + 1}` }];
  });
}

function ledeOf({ outcomes, backends, seed, shard, reference, seconds }: Report): string {
  const cases = outcomes.reduce((total, outcome) => total + outcome.cases, 0);
  const properties = new Set(outcomes.map(({ property }) => property)).size;
  const checked = `${count(properties, 'law')} on ${count(backends.length, 'backend')}, ${thousands(cases)} cases in ${seconds.toFixed(1)} s.`;
  const part = shard === undefined ? '' : ` Shard ${shard.index} of ${shard.count}.`;
  return `${checked}${part} Seed ${seed}. Reference: ${describeReference(reference)}.`;
}

function tally({ outcomes }: Report): Markup {
  const order: readonly Verdict[] = ['held', 'violated', 'failed', 'known', 'fixed', 'skipped'];
  const counts = order
    .map((name) => ({ name, n: outcomes.filter((outcome) => verdict(outcome) === name).length }))
    .filter(({ name, n }) => n > 0 || name === 'held' || name === 'violated' || name === 'skipped');
  let x = 0;
  const bars = counts.map(({ name, n }) => {
    const width = (100 * n) / Math.max(1, outcomes.length);
    const bar = markup`<rect class="fill-${name === 'fixed' ? 'known' : name}" x="${percent(x)}" y="0" width="${percent(width)}" height="100%"/>`;
    x += width;
    return bar;
  });
  return markup`<dl class="tally">${counts.map(({ name, n }) => markup`<div class="${n === 0 ? 'none' : name}"><dt>${words[name]}</dt><dd>${n}</dd></div>`)}</dl>
<svg class="share" aria-hidden="true">${bars}</svg>`;
}

function findings(told: readonly Told[]): Section | undefined {
  const own = told.filter(({ outcome }) => verdict(outcome) === 'violated');
  return section('findings', 'Findings', own, findingArticle);
}

function failures(told: readonly Told[]): Section | undefined {
  const own = told.filter(({ outcome }) => verdict(outcome) === 'failed');
  return section('failures', 'Backends that could not answer', grouped(own), failureArticle);
}

function fixed(told: readonly Told[]): Section | undefined {
  const own = told.filter(({ outcome }) => verdict(outcome) === 'fixed');
  return section('news', 'Known failures that hold now', own, fixedArticle);
}

function starvedCells({ starved }: Report): Section | undefined {
  if (starved.length === 0) return undefined;
  const names = [...new Set(starved.map(({ backend }) => backend))];
  return {
    id: 'starved',
    title: 'Checked too rarely',
    body: markup`<p class="note">These kinds of case the backends declare, and too few of them were checked for the run to speak of them.</p>
${names.map(
  (name) =>
    markup`<h3 class="name"><bdi>${name}</bdi></h3>
<ul class="left">${starved.filter(({ backend }) => backend === name).map((cell) => markup`<li>${starvedLine(cell)}</li>`)}</ul>
`,
)}`,
  };
}

function section<T>(id: string, title: string, items: readonly T[], draw: (item: T) => Markup): Section | undefined {
  return items.length === 0 ? undefined : { id, title, body: markup`${items.map(draw)}` };
}

/** Failures of one fault together, as `failureGroups` has them. */
function grouped(told: readonly Told[]): Told[][] {
  const of = new Map(told.map((one) => [one.outcome, one]));
  return failureGroups(told.map(({ outcome }) => outcome)).map((group) =>
    group.flatMap((outcome) => of.get(outcome) ?? []),
  );
}

/** Which outcome has an article of its own, and its address. */
function addressOf(told: readonly Told[]): Map<Told, string> {
  const failed = grouped(told.filter(({ outcome }) => outcome.status === 'failed'));
  return new Map([
    ...told
      .filter(({ outcome }) => outcome.fixed !== undefined || outcome.counterexample !== undefined)
      .map((one) => [one, one.id] as const),
    ...failed.flatMap((group) => group.map((one) => [one, group[0].id] as const)),
  ]);
}

function knownFailures(told: readonly Told[]): Section | undefined {
  const known = told.filter(({ outcome }) => verdict(outcome) === 'known');
  const violated = known.filter(({ outcome }) => outcome.status === 'violated');
  const failed = known.filter(({ outcome }) => outcome.status === 'failed');
  if (known.length === 0) return undefined;
  return {
    id: 'known',
    title: 'Known failures',
    body: markup`<details class="more"><summary>${count(known.length, 'outcome')} that the file of known failures foretold</summary>
${violated.map(findingArticle)}${grouped(failed).map(failureArticle)}</details>`,
  };
}

/** Every outcome with its numbers, backend by backend; what was skipped is told with its reasons further down. */
function laws({ backends, outcomes }: Report, told: readonly Told[]): Section {
  const open = outcomes.length <= MAX_OPEN;
  return {
    id: 'laws',
    title: 'Every law',
    body: markup`${backends.map((backend) => {
      const own = told.filter((one) => one.backend === backend);
      const asked = own.filter(({ outcome }) => verdict(outcome) !== 'skipped');
      return markup`<details class="more"${open ? markup` open` : undefined}><summary><b><bdi>${backend.name}</bdi></b>: ${breakdown(own)}</summary>
${asked.length === 0 ? undefined : lawTable(backend.name, asked)}${asked.length < own.length ? markup`<p class="note">${own.length - asked.length} more ${own.length - asked.length === 1 ? 'was' : 'were'} skipped: <a href="#not-checked">why</a>.</p>` : undefined}</details>
`;
    })}`,
  };
}

function lawTable(name: string, asked: readonly Told[]): Markup {
  return markup`<div class="scroll" role="group" aria-label="Every law on ${name}" tabindex="0"><table class="laws">
<thead><tr><th scope="col">law</th><th scope="col">outcome</th><th scope="col" class="number">cases</th><th scope="col" class="number">calls</th><th scope="col" class="number">rows compared</th><th scope="col" class="number">seconds</th></tr></thead>
<tbody>
${asked.map(lawRow)}</tbody>
</table></div>
`;
}

function breakdown(own: readonly Told[]): string {
  return (Object.keys(words) as Verdict[])
    .map((name) => ({ name, n: own.filter(({ outcome }) => verdict(outcome) === name).length }))
    .filter(({ n }) => n > 0)
    .map(({ name, n }) => `${n} ${words[name]}`)
    .join(', ');
}

function lawRow({ outcome }: Told): Markup {
  const name = verdict(outcome);
  const { property, statement, cases, calls, rows, seconds } = outcome;
  const numbers = [thousands(cases), thousands(calls), thousands(rows.compared), seconds.toFixed(2)];
  return markup`<tr><th scope="row"><code>${property}</code><p>${statement}</p></th><td class="verdict"><span class="${name}"><span aria-hidden="true">${signs[name]}</span> ${words[name]}</span></td>${numbers.map((text) => markup`<td class="number">${text}</td>`)}</tr>
`;
}

function left(items: readonly NotChecked[]): Section | undefined {
  if (items.length === 0) return undefined;
  const names = [...new Set(items.map(({ backend }) => backend))];
  return {
    id: 'not-checked',
    title: 'What was not checked',
    body: markup`${names.map((name) => {
      const own = items.filter(({ backend }) => backend === name);
      return markup`<details class="more"><summary><b><bdi>${foreignName(name)}</bdi></b>: ${leftSummary(own)}</summary>
<ul class="left">${leftLines(own)}</ul></details>
`;
    })}`,
  };
}

function leftSummary(own: readonly NotChecked[]): string {
  const of = (wanted: (kind: NotChecked['kind']) => boolean) => own.filter(({ kind }) => wanted(kind)).length;
  const skipped = of((kind) => kind === 'skipped');
  const undeclared = of((kind) => kind === 'undeclared');
  const rows = own.reduce((sum, item) => sum + (item.rows ?? 0), 0);
  return [
    ...(of((kind) => kind === 'not_loaded') > 0 ? ['does not load here'] : []),
    ...(skipped > 0 ? [`${count(skipped, 'law')} skipped`] : []),
    ...(undeclared > 0 ? [`${count(undeclared, 'ability', 'abilities')} not declared`] : []),
    ...(rows > 0 ? [`${count(rows, 'row')} left out`] : []),
  ].join(', ');
}

/** Reasons, each once, with the laws that it keeps from being checked. */
function leftLines(own: readonly NotChecked[]): Markup[] {
  const reasons = new Map<string, NotChecked[]>();
  for (const item of own) {
    const key = `${item.kind}: ${item.reason}`;
    reasons.set(key, [...(reasons.get(key) ?? []), item]);
  }
  const undeclared = own.filter(({ kind }) => kind === 'undeclared').map(({ reason }) => reason);
  const lines = [...reasons.values()].flatMap((items) => {
    const [{ kind, reason }] = items;
    if (kind === 'undeclared') return [];
    const sum = (of: 'rows' | 'of') => items.reduce((total, item) => total + (item[of] ?? 0), 0);
    const laws = items.flatMap(({ property }) => property ?? []);
    const rows = kind.endsWith('_rows') ? `${thousands(sum('rows'))} of ${thousands(sum('of'))} rows: ` : '';
    const names = laws.map((law, n) => markup`${n > 0 ? ', ' : ''}<code>${law}</code>`);
    return [
      markup`<li>${rows}${foreign(reason)}${laws.length > 0 ? markup`<br><span>${names}</span>` : undefined}</li>`,
    ];
  });
  return undeclared.length === 0
    ? lines
    : [...lines, markup`<li>not declared: <span>${undeclared.join('; ')}</span></li>`];
}

/** The whole run once more. */
function rerun({ backends, outcomes, seed, budget, shard }: Report): Section {
  const properties = new Set(outcomes.map(({ property }) => property));
  const flags = [
    ...backends.map(({ spec }) => `--backend ${quote(spec)}`),
    ...(properties.size === 1 ? [`--property ${[...properties].join('')}`] : []),
    ...(budget.runs === undefined ? [] : [`--runs ${budget.runs}`]),
    ...(budget.seconds === undefined ? [] : [`--seconds ${budget.seconds}`]),
    `--seed ${seed}`,
    ...(shard === undefined ? [] : [`--shard ${shard.index}/${shard.count}`]),
  ];
  return {
    id: 'again',
    title: 'Run it again',
    body: markup`<p class="note">The same seed, version and number of cases give the same cases and findings on any machine.</p>
<div class="again">${commandBox(`npx maskproof fuzz ${flags.join(' ')}`, 'Copy the command that runs it all again')}</div>`,
  };
}

const capital = (text: string) => text.charAt(0).toUpperCase() + text.slice(1);
const hashOf = (text: string) => `sha256-${createHash('sha256').update(text).digest('base64')}`;
