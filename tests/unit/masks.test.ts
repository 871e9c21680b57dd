/** docs/masks.md: the words fit the weights, and the tables fit the libraries. */
import { readFileSync } from 'node:fs';
import { afterAll, describe, expect, it } from 'vitest';
import { libraries, page, sectionOf } from '../../scripts/masks';
import { forms, numbersOf, type Question } from '../../scripts/masks/questions';
import { emptyRowOf, readingOf } from '../../scripts/masks/readings';
import { closeWorkers } from '../../src/backends/worker';
import { pythonWith } from '../workers/support';

afterAll(closeWorkers);

/** The weights of a library that adds `bias` to scores of zero. */
function weightsOf({ sizes }: Question, bias: (b: number, h: number, i: number, j: number) => number): number[] {
  const { batch, heads, qLen, kvLen } = sizes;
  const range = (length: number) => Array.from({ length }, (_, n) => n);
  return range(batch).flatMap((b) =>
    range(heads).flatMap((h) =>
      range(qLen).flatMap((i) => {
        const terms = range(kvLen).map((j) => Math.exp(bias(b, h, i, j)));
        const sum = terms.reduce((a, c) => a + c, 0);
        return terms.map((term) => term / sum);
      }),
    ),
  );
}

function asked(words: string): Question & { mask: NonNullable<Question['mask']> } {
  const question = forms.find((form) => form.words === words);
  if (question?.mask === undefined) throw new Error(`There is no question ${words}.`);
  return { ...question, mask: question.mask };
}

describe('the reading of a mask', () => {
  const square = asked('bool [batch, kv_len], batch = q_len');
  const full = asked('bool [batch, 1, q_len, kv_len]');
  const at4 = (b: number, i: number, j: number) => full.mask.keeps[(b * full.sizes.qLen + i) * full.sizes.kvLen + j];
  const drop = (keep: boolean) => (keep ? 0 : -Infinity);

  it('tells what is kept from what is dropped', () => {
    expect(
      readingOf(
        full,
        weightsOf(full, (b, _h, i, j) => drop(at4(b, i, j))),
      ),
    ).toBe('keeps');
    expect(
      readingOf(
        full,
        weightsOf(full, (b, _h, i, j) => drop(!at4(b, i, j))),
      ),
    ).toBe('drops where true');
  });

  it('sees a boolean mask that was added', () => {
    expect(
      readingOf(
        full,
        weightsOf(full, (b, _h, i, j) => Number(at4(b, i, j))),
      ),
    ).toBe('added as 1 and 0');
  });

  it('sees a mask that was ignored, with and without causality', () => {
    expect(
      readingOf(
        full,
        weightsOf(full, () => 0),
      ),
    ).toBe('ignored');
    expect(
      readingOf(
        full,
        weightsOf(full, (_b, _h, i, j) => drop(j <= i)),
      ),
    ).toBe('ignored, made causal');
  });

  it('tells padding from a mask of queries by keys where both fit', () => {
    const cell = (row: number, j: number) => square.mask.keeps[row * square.sizes.kvLen + j];
    expect(
      readingOf(
        square,
        weightsOf(square, (b, _h, _i, j) => drop(cell(b, j))),
      ),
    ).toBe('keeps');
    expect(
      readingOf(
        square,
        weightsOf(square, (_b, _h, i, j) => drop(cell(i, j))),
      ),
    ).toBe('keeps, read as [q_len, kv_len]');
  });

  it('sees a flag that was dropped', () => {
    const causal = { ...full, isCausal: true };
    const keep = (b: number, i: number, j: number) => drop(at4(b, i, j));
    expect(
      readingOf(
        causal,
        weightsOf(causal, (b, _h, i, j) => keep(b, i, j)),
      ),
    ).toBe('keeps, not causal');
    expect(
      readingOf(
        causal,
        weightsOf(causal, (b, _h, i, j) => (j <= i ? keep(b, i, j) : -Infinity)),
      ),
    ).toBe('keeps, and causal');
  });

  it('takes a bias for a bias', () => {
    const question = asked('a finite bias [batch, 1, q_len, kv_len]');
    const [kept, dropped] = numbersOf('bias', 'float32');
    expect(
      readingOf(
        question,
        weightsOf(question, (b, _h, i, j) => (at4(b, i, j) ? kept : dropped)),
      ),
    ).toBe('added');
  });

  it('does not guess', () => {
    expect(
      readingOf(
        full,
        weightsOf(full, (_b, h, i, j) => h + i * j),
      ),
    ).toBe('otherwise');
  });
});

describe('a row that keeps nothing', () => {
  it.each([
    [[0, 0, 0, 0], 'zeros'],
    [[NaN, NaN, NaN, NaN], 'NaN'],
    [[0.25, 0.25, 0.25, 0.25], 'uniform'],
    [[0.5, 0.5, 0, 0], 'uniform up to the query'],
    [[1, 0, 0, 0], 'otherwise'],
  ])('%j is %s', (weights, words) => {
    expect(emptyRowOf(weights, 1)).toBe(words);
  });
});

const python = pythonWith('torch', 'transformers', 'transformer_lens');

describe('docs/masks.md', () => {
  const there = (library: string): boolean => library === 'onnxruntime' || python !== undefined;
  it.each(Object.keys(libraries).filter(there))(
    'says what %s does',
    async (library) => {
      const written = readFileSync(page, 'utf8')
        .split(`<!-- generated: ${library} -->\n`)[1]
        .split('\n<!-- end -->')[0];
      expect(written).toBe(await sectionOf(library));
    },
    300_000,
  );
  it.skipIf(python !== undefined)('needs npm run setup:python for the libraries of Python', () => undefined);
});
