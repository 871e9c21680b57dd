/** One finding on the page: what is claimed, what happened, the picture, the numbers, how it was made small, how to see it again. */
import type { BackendInfo, Counterexample, Outcome } from '../engine/events';
import type { Violation } from '../property';
import { caseLine } from './case-line';
import { againCommand, explained, howFound, sentence } from './finding';
import { maskFigure } from './html-mask';
import { cellsInQuestion } from './json';
import { markup, type Markup, type Part } from './markup';
import { numbersTable } from './render-numbers';
import { count, marksOf } from './style';

const marks = marksOf({ ascii: false, color: false });

/** An outcome, what it was called before it was tamed, and where on the page it stands. */
export interface Told {
  readonly outcome: Outcome;
  readonly backend: BackendInfo;
  readonly file?: string;
  readonly id: string;
}

export function findingArticle({ outcome, backend, file, id }: Told): Markup {
  const { property, statement, known, counterexample } = outcome;
  if (counterexample === undefined) return markup``;
  const { violation, case: c } = counterexample;
  const cells = cellsInQuestion(counterexample);
  const picture = { case: c, conventions: backend.supports, rows: violation.rows, leaked: cells, ignored: [] };
  return markup`<article id="${id}">
<header><h3><span class="${known ? 'known' : 'violated'}" aria-hidden="true">${marks.violated}</span> <code>${property}</code></h3> <small>on <bdi>${backend.name}</bdi></small>${known ? markup` <span class="tag known">known</span>` : undefined}</header>
<p class="statement">${statement}</p>
<p class="summary">${sentence(violation.summary)}</p>
${known ? knownNote(known) : undefined}<div class="story">
<div class="shown">
${maskFigure(picture)}
${violation.numbers ? numbers(violation.numbers) : undefined}
</div>
<dl class="facts">
${fact('Smallest case', caseLine(c).split('; '))}
${counterexample.after.length > 0 ? fact(`Only after ${count(counterexample.after.length, 'other case')}`, counterexample.after.map(caseLine)) : undefined}
${cells.length > 0 ? fact('By the rules', explained(cells, counterexample, backend)) : undefined}
${fact('How it shrank', storyOf(counterexample))}
</dl>
</div>
${again(outcome, backend, file)}
</article>
`;
}

function storyOf(counterexample: Counterexample): string[] {
  const { seed, path, stopped, from = {} } = counterexample;
  const sizes = Object.entries(from).map(([name, size]) => `${name} ${size}`);
  return [
    ...howFound(counterexample),
    ...(sizes.length > 0 ? [`It was found with ${sizes.join(', ')}.`] : []),
    ...(stopped === undefined ? [] : [`Shrinking stopped early: ${stopped}`]),
    ...(seed === undefined ? [] : [`Seed ${seed}${path === undefined ? '' : `, path ${path}`}`]),
  ];
}

function fact(name: string, values: readonly Part[]): Markup | undefined {
  if (values.length === 0) return undefined;
  return markup`<div><dt>${name}</dt>${values.map((value) => markup`<dd>${value}</dd>`)}</div>`;
}

function numbers(of: NonNullable<Violation['numbers']>): Markup {
  const { heading, columns, actual, expected, allowed, failed, left, failures, of: all } = numbersTable(of);
  const row = (name: string, values: readonly string[], isOff: (n: number) => boolean = () => false) =>
    markup`<tr><th scope="row">${name}</th>${values.map((value, n) => markup`<td${isOff(n) ? markup` class="off"` : undefined}>${value}</td>`)}</tr>
`;
  return markup`<div class="numbers scroll" role="group" aria-label="The numbers of the first bad row" tabindex="0"><table>
<caption>${heading}${left > 0 ? `, ${columns.length} of ${all} shown, ${failures} off` : ''}${allowed === undefined ? ', compared bit for bit' : ''}</caption>
<thead><tr><td></td>${columns.map((name) => markup`<th scope="col">${name}</th>`)}</tr></thead>
<tbody>
${row('actual', actual, (n) => failed[n])}${row('expected', expected)}${allowed ? row(`allowed ${marks.allowed}`, allowed) : undefined}${row(
    'off',
    failed.map((is) => (is ? marks.violated : '')),
    (n) => failed[n],
  )}</tbody>
</table></div>`;
}

function again(outcome: Outcome, backend: BackendInfo, file?: string): Markup {
  const command = againCommand(outcome, backend.spec, file);
  return command === undefined
    ? markup`<div class="again"><p>With <code>--corpus DIR</code> it is kept as a file for <code>maskproof replay</code>.</p></div>`
    : markup`<div class="again"><p>See it again</p>${commandBox(command, `Copy the command that replays ${outcome.property}`)}</div>`;
}

/** A command with a button that copies it; the button is there where there is a script to press it. */
export function commandBox(command: string, label: string): Markup {
  // A flag is not torn at its dashes.
  const words = command.split(' ').map((word, n) => {
    const space = n > 0 ? ' ' : '';
    return word.startsWith('--') ? markup`${space}<span class="flag">${word}</span>` : `${space}${word}`;
  });
  return markup`<div class="command"><pre>${words}</pre><button type="button" class="copy" aria-label="${label}" hidden>Copy</button></div>`;
}

/** A backend that could not answer: one fault, however many properties met it. */
export function failureArticle(group: readonly Told[]): Markup {
  const [{ outcome, backend, file, id }] = group;
  const { failure, known } = outcome;
  if (failure === undefined) return markup``;
  const command = group.flatMap((one) => againCommand(one.outcome, one.backend.spec, one.file ?? file) ?? []).at(0);
  return markup`<article id="${id}">
<header><h3><span class="${known ? 'known' : 'failed'}" aria-hidden="true">${marks.failed}</span> <bdi>${backend.name}</bdi></h3> <small>failed at stage ${failure.stage}</small>${known ? markup` <span class="tag known">known</span>` : undefined}</header>
<p class="summary">${failure.type}</p>
<pre class="message" tabindex="0" role="group" aria-label="What ${backend.name} said">${failure.message}</pre>
${known ? knownNote(known) : undefined}<dl class="facts story">
${fact('Met by', [markup`${group.map(({ outcome: { property } }, n) => markup`${n > 0 ? ', ' : ''}<code>${property}</code>`)}`])}
${failure.case ? fact('Smallest case', caseLine(failure.case).split('; ')) : undefined}
</dl>
${command === undefined ? undefined : markup`<div class="again"><p>See it again</p>${commandBox(command, `Copy the command that makes ${backend.name} fail`)}</div>`}
</article>
`;
}

export function fixedArticle({ outcome, backend, id }: Told): Markup {
  const { fixed, property } = outcome;
  return markup`<article id="${id}">
<header><h3><span class="fixed" aria-hidden="true">${marks.held}</span> <code>${property}</code></h3> <small>on <bdi>${backend.name}</bdi></small></header>
<p class="summary">Listed as a known failure, and holds now. Take its entry out of the file of known failures.</p>
${fixed ? knownNote(fixed) : undefined}</article>
`;
}

function knownNote({ reason, link }: NonNullable<Outcome['known']>): Markup {
  const linked = link !== undefined && /^https?:\/\/[^\s]+$/i.test(link);
  return markup`<p class="statement">Known: ${reason}${linked ? markup` <a href="${link}" rel="noreferrer">${link}</a>` : link && ` (${link})`}</p>
`;
}
