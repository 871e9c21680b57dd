/** What kind of mask a case has, in words: backends may agree under one and not under another. */
import { isModelCase, type Case } from '../../reference/model-case';

/** Of models, the three regimes that parity is spoken of in, and explicit masks; of single calls, rank and form. */
export function regimeOf(c: Case): string {
  if (c.mask === undefined) return 'no mask';
  if (!isModelCase(c)) return `${c.mask.rank}D ${c.mask.form}`;
  const { rank, form, tensor } = c.mask;
  if (rank === 4) return `explicit ${form}`;
  return tensor.data.every((cell: number) => cell !== 0) ? 'all ones' : 'real padding';
}

/** In the order in which they are read. */
export const regimes: readonly string[] = [
  'no mask',
  'all ones',
  'real padding',
  'explicit boolean',
  'explicit additive',
  ...[2, 3, 4].flatMap((rank) => ['boolean', 'additive', 'integer'].map((form) => `${rank}D ${form}`)),
];
