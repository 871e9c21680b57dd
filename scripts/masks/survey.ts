/** Asks one way of calling a library every question, and puts what it read into words. */
import type { Backend, BackendAnswer } from '../../src/backend';
import {
  alignments,
  caseOf,
  dtypes,
  emptyElements,
  emptyRow,
  forms,
  misfits,
  withCausality,
  type Question,
} from './questions';
import { emptyRowOf, readingOf } from './readings';

export interface Column {
  readonly name: string;
  readonly versions: Readonly<Record<string, string>>;
  /** Words by row of the table. */
  readonly cells: ReadonlyMap<string, string>;
}

/** The rows of a library's table, in order. */
export const rows: readonly string[] = [
  ...alignments.map(({ words }) => `causal, no mask, ${words}`),
  ...forms.map(({ words }) => words),
  ...emptyElements.map(([, words]) => `a row that keeps nothing, ${words}`),
  ...misfits.map(({ words }) => words),
  'writes into its inputs',
];

export async function survey(backend: Backend): Promise<Column> {
  const session = await backend.open();
  const hasFlag = (backend.supports.causal ?? 'none') !== 'none';
  const written = new Set<string>();
  const ask = async (question: Question): Promise<BackendAnswer> => {
    const c = caseOf(question);
    const before = [c.query, c.key, c.value].map(({ data }) => Array.from(data));
    const [answer] = await session.attend([c]);
    const now = [c.query, c.key, c.value].map(({ data }) => Array.from(data));
    if (JSON.stringify(before) !== JSON.stringify(now)) written.add('a tensor');
    for (const name of ('changed' in answer && answer.changed) || []) written.add(name);
    return answer;
  };
  const cells = new Map<string, string>();
  const read = async (question: Question): Promise<string> => wordsOf(question, await ask(question));
  try {
    if (hasFlag)
      for (const question of alignments) cells.set(`causal, no mask, ${question.words}`, await read(question));
    for (const question of forms)
      cells.set(
        question.words,
        hasFlag ? both(await read(question), await read(withCausality(question))) : await read(question),
      );
    // Where true drops, a row that keeps nothing is all true.
    const dropsWhereTrue = [...cells.values()].some((words) => words.startsWith('drops where true'));
    for (const [element, words] of emptyElements) {
      const answers = [];
      for (const dtype of dtypes)
        answers.push([
          dtype,
          await emptyWords(emptyRow(element, dtype, element === 'bool' && dropsWhereTrue)),
        ] as const);
      cells.set(`a row that keeps nothing, ${words}`, byDtype(answers));
    }
    for (const { words, asked } of misfits) {
      const [question, answer] = await firstTaken(asked);
      cells.set(words, wordsOf(question, answer));
    }
    cells.set('writes into its inputs', written.size > 0 ? [...written].join(', ') : 'no');
  } finally {
    await session.close?.();
  }
  return { name: backend.name, versions: backend.versions ?? {}, cells };

  async function emptyWords(asked: ReturnType<typeof emptyRow>): Promise<string> {
    const [{ sizes, row }, answer] = await firstTaken(asked);
    if ('error' in answer) return refused;
    const { kvLen } = sizes;
    return emptyRowOf(Array.from(answer.output.data.slice(row * kvLen, (row + 1) * kvLen)), 1);
  }

  async function firstTaken<Q extends Question>(questions: readonly Q[]): Promise<readonly [Q, BackendAnswer]> {
    const [question, ...rest] = questions;
    const answer = await ask(question);
    return 'error' in answer && rest.length > 0 ? firstTaken(rest) : [question, answer];
  }
}

function wordsOf(question: Question, answer: BackendAnswer): string {
  return 'error' in answer ? refused : readingOf(question, answer.output.data);
}

const refused = 'refused';

/** Without causality and with it, where they differ by more than the causality that was asked for. */
function both(without: string, withCausality: string): string {
  if (withCausality === `${without}, and causal` || withCausality === without) return without;
  return `${without}; with is_causal: ${withCausality.replace(`${without}, `, '')}`;
}

function byDtype(answers: readonly (readonly [dtype: string, words: string])[]): string {
  const words = new Map<string, string[]>();
  for (const [dtype, said] of answers) words.set(said, [...(words.get(said) ?? []), dtype]);
  const [[first]] = words;
  return words.size === 1 ? first : [...words].map(([said, of]) => `${said} (${of.join(', ')})`).join('; ');
}
