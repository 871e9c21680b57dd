/** What GitHub Actions shows of a run: annotations on the adapters, and a summary of the job with the pictures. */
import type { BackendInfo, Outcome, Report } from '../engine/events';
import { failureGroups } from './finding';
import { foreign, tamed } from './foreign';
import type { Markup } from './markup';
import { markup } from './markup';
import { notCheckedIn, type LeftOut } from './not-checked';
import { plainFinding, titleOf, type FileOf } from './plain-finding';
import { sourceFile } from './source-file';
import { starvedLine } from './starved';
import { count, marksOf } from './style';
import { describeReference, notCheckedLines, summaryOf } from './text';

export interface GithubOptions {
  /** The checkout, which annotated files are relative to. */
  readonly root: string;
  readonly fileOf?: FileOf;
  readonly leftOut?: readonly LeftOut[];
}

/** GitHub shows no more than ten of a step. */
const MAX_ANNOTATIONS = 10;
const MAX_MESSAGE = 1_000;
const MAX_LISTED = 50_000;
/** GitHub refuses a summary of more than 1 MiB. */
const MAX_SUMMARY_BYTES = 900_000;

const plain = { ascii: false, color: false };

/** Workflow commands, one a line: an error for each outcome that fails the run. */
export function annotations(report: Report, { root }: GithubOptions): string {
  const { outcomes, backends, starved } = tamed(report, MAX_MESSAGE);
  const failing = newsOf(outcomes);
  const most = MAX_ANNOTATIONS - (starved.length > 0 ? 1 : 0);
  const shown = failing.length > most ? failing.slice(0, most - 1) : failing;
  const more = failing.length - shown.length;
  return [
    ...shown.map((group) => annotation(group, backends, root)),
    ...(starved.length > 0 ? [`::error title=maskproof::${starvedWords(starved.length)}.`] : []),
    ...(more > 0 ? [`::error title=maskproof::${count(more, 'more finding')}: the summary of the job has them.`] : []),
  ]
    .map((line) => `${line}\n`)
    .join('');
}

function annotation([first, ...others]: readonly Outcome[], backends: readonly BackendInfo[], root: string): string {
  const backend = backends.find(({ name }) => name === first.backend);
  const file = backend && sourceFile(backend.spec, root);
  const met = others.length > 0 ? `${count(others.length + 1, 'property', 'properties')}` : first.property;
  const facts = {
    ...(file !== undefined && { file, line: '1' }),
    title: `${met} on ${first.backend}`,
  };
  const settings = Object.entries(facts).map(([name, value]) => `${name}=${escapeSetting(value)}`);
  return `::error ${settings.join(',')}::${escapeMessage(titleOf(first))}`;
}

const starvedWords = (n: number) => `${count(n, 'kind')} of case ${n === 1 ? 'was' : 'were'} checked too rarely`;

/** Every outcome that fails the run; those of one fault together. */
function newsOf(outcomes: readonly Outcome[]): Outcome[][] {
  const news = outcomes.filter(({ known }) => known === undefined);
  return [
    ...news.filter(({ status, fixed }) => status === 'violated' && fixed === undefined).map((outcome) => [outcome]),
    ...failureGroups(news),
    ...news.filter(({ fixed }) => fixed !== undefined).map((outcome) => [outcome]),
  ];
}

const escapeMessage = (text: string) => text.replaceAll('%', '%25').replaceAll('\r', '%0D').replaceAll('\n', '%0A');
const escapeSetting = (text: string) => escapeMessage(text).replaceAll(':', '%3A').replaceAll(',', '%2C');

/** Text for the log of a job, in which no line is a workflow command: a backend has no say in the workflow. */
export function withoutCommands(text: string): string {
  return text.replaceAll(/^(\s*):(?=:)/gm, '$1: ').replaceAll('##[', '# #[');
}

/** Markdown for $GITHUB_STEP_SUMMARY: HTML throughout, so that nothing in it is read as Markdown. */
export function jobSummary(report: Report, { fileOf, leftOut = [] }: GithubOptions): string {
  const tame = tamed(report);
  const { outcomes, backends, starved, seed, reference } = tame;
  const original = new Map(outcomes.map((outcome, n) => [outcome, report.outcomes[n]]));
  const news = newsOf(outcomes);
  const notChecked = notCheckedLines(notCheckedIn(tame, leftOut), plain).slice(2);
  const head = [
    markup`<h2>maskproof: ${verdictOf(tame)}</h2>`,
    markup`<p>${summaryOf(tame, plain)} Seed <code>${seed}</code>, reference ${describeReference(reference)}.</p>`,
    tallies(tame),
  ];
  const rare = starved.map((cell) => `${cell.backend}: ${starvedLine(cell)}`);
  const tail = [...folded('Checked too rarely', rare), ...folded('Not checked', notChecked)];
  const size = (parts: readonly Markup[]) => parts.reduce((sum, { text }) => sum + Buffer.byteLength(text) + 2, 0);
  let room = MAX_SUMMARY_BYTES - size([...head, ...tail]);
  const findings: Markup[] = [];
  for (const [n, group] of news.entries()) {
    const [first] = group;
    const backend = backends.find(({ name }) => name === first.backend);
    const told = original.get(first);
    const parts = findingParts(group, backend, told && fileOf?.(told));
    room -= size(parts);
    if (room < 0) {
      findings.push(markup`<p>${count(news.length - n, 'more finding')} had no room here.</p>`);
      break;
    }
    findings.push(...parts);
  }
  return `${[...head, ...findings, ...tail].map(({ text }) => text).join('\n\n')}\n\n`;
}

function findingParts(group: readonly Outcome[], backend: BackendInfo | undefined, file: string | undefined): Markup[] {
  const [first, ...others] = group;
  const marks = marksOf(plain);
  const mark = first.fixed ? marks.held : first.status === 'failed' ? marks.failed : marks.violated;
  const also = others.length === 0 ? '' : ` and ${count(others.length, 'more property', 'more properties')}`;
  return [
    markup`<details open><summary>${mark} <code>${first.property}</code>${also} on <code>${first.backend}</code></summary>`,
    preformatted(
      first.fixed || backend === undefined
        ? `${titleOf(first)}\n${first.fixed?.reason ?? ''}`
        : plainFinding(first, backend, file),
    ),
    markup`</details>`,
  ];
}

/** How many did what, backend by backend. Without an empty line, which would end the HTML. */
function tallies({ backends, outcomes }: Report): Markup {
  const row = ({ name, versions }: BackendInfo) => {
    const own = outcomes.filter(({ backend }) => backend === name);
    const of = (wanted: (outcome: Outcome) => boolean) => markup`<td align="right">${own.filter(wanted).length}</td>`;
    return markup`<tr><th align="left"><code>${name}</code> ${Object.values(versions).join(', ')}</th>${[
      of(({ status }) => status === 'held'),
      of(({ status, known }) => status === 'violated' && !known),
      of(({ status, known }) => status === 'failed' && !known),
      of(({ known }) => known !== undefined),
      of(({ status }) => status === 'skipped'),
    ]}</tr>`;
  };
  const heads = ['held', 'violated', 'failed', 'known', 'skipped'].map((name) => markup`<th>${name}</th>`);
  return markup`<table><tr><th>backend</th>${heads}</tr>${backends.map(row)}</table>`;
}

/** A part that is opened to be read, where it says anything. */
function folded(title: string, lines: readonly string[]): Markup[] {
  if (lines.length === 0) return [];
  return [
    markup`<details><summary>${title}</summary>`,
    preformatted(foreign(lines.join('\n'), MAX_LISTED)),
    markup`</details>`,
  ];
}

const preformatted = (text: string) => markup`<pre>${text}</pre>`;

/** The run in a few words. */
export function verdictOf({
  outcomes,
  starved,
  interrupted,
}: Pick<Report, 'outcomes' | 'starved' | 'interrupted'>): string {
  const news = outcomes.filter(({ known }) => known === undefined);
  const violated = news.filter(({ status, fixed }) => status === 'violated' && fixed === undefined).length;
  const failed = new Set(news.filter(({ status }) => status === 'failed').map(({ backend }) => backend)).size;
  const fixed = news.filter((outcome) => outcome.fixed !== undefined).length;
  const known = outcomes.length - news.length;
  const parts = [
    ...(interrupted ? ['interrupted'] : []),
    ...(violated > 0 ? [count(violated, 'violation')] : []),
    ...(failed > 0 ? [`${count(failed, 'backend')} could not answer`] : []),
    ...(fixed > 0 ? [`${count(fixed, 'known failure')} ${fixed === 1 ? 'holds' : 'hold'} now`] : []),
    ...(starved.length > 0 ? [starvedWords(starved.length)] : []),
  ];
  if (parts.length > 0) return parts.join(', ');
  if (outcomes.every(({ status }) => status === 'skipped')) return 'nothing was checked';
  return known > 0 ? 'everything held or failed as known' : 'everything held';
}
