import { copyFileSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import type { AttentionCase } from '../../../reference/case';
import { boolTensor, floatTensor, intTensor } from '../../../reference/tensor';
import { loadCase, loadCounterexample, type SavedCounterexample } from '../../../src/corpus/load';
import { counterexampleId, counterexampleTensors, saveCounterexample } from '../../../src/corpus/save';
import { loadKnownFailures } from '../../../src/known-failures';
import { writeSafetensors } from '../../../src/protocol/safetensors';
import { maskCase } from '../report/cases';

/** One file of each version that ever was; none is ever changed or taken out. */
const formats = join(__dirname, '..', '..', 'fixtures', 'formats');
const folder = mkdtempSync(join(tmpdir(), 'maskproof-formats-'));
afterAll(() => rmSync(folder, { recursive: true }));

const small = { ...maskCase({ keep: [[1, 0]] }), scale: 1 };
const zeros = (shape: number[]) => floatTensor('float32', shape, new Float64Array(shape.reduce((a, b) => a * b)));
const theCase = {
  ...small,
  query: zeros([1, 1, 1, 1]),
  key: zeros([1, 1, 2, 1]),
  value: floatTensor('float32', [1, 1, 2, 1], [0, 1]),
};
const large: SavedCounterexample = {
  property: 'padding/no-influence',
  backend: 'large',
  versions: {},
  case: { ...small, key: zeros([1, 1, 2, 3000]), query: zeros([1, 1, 1, 3000]), value: zeros([1, 1, 2, 3000]) },
  after: [{ ...small, value: zeros([1, 1, 2, 4097]) }],
};

describe('files of every version', () => {
  it.each(['counterexample-1.json', 'counterexample-2.json', 'counterexample-2.safetensors'])('%s loads', (name) => {
    const saved = loadCounterexample(join(formats, name));
    expect(saved).toMatchObject({
      property: 'forms/boolean-equals-additive',
      backend: 'boolean-added',
      seed: 1365527547,
      path: '0:0',
      after: [],
    });
    expect(saved.case).toStrictEqual(theCase);
    const supports = { maskRanks: [4], maskForms: ['boolean', 'additive'], cache: true };
    expect(saved.supports).toStrictEqual(name.includes('-1') ? undefined : supports);
  });

  it('with large contents loads them from beside it', () => {
    const c = loadCounterexample(join(formats, 'forms-boolean-equals-additive-cba10186fe6c.json'))
      .case as AttentionCase;
    expect(c.value.shape).toEqual([1, 1, 33, 128]);
    expect(c.value.data.at(-1)).toBe(1);
    expect(c.value.data.at(0)).toBe(0);
  });

  it('known-failures-1.json loads with the case that it names', () => {
    const [entry] = loadKnownFailures(join(formats, 'known-failures-1.json'));
    expect(entry).toMatchObject({
      property: 'forms/*',
      versions: { kernel: '>=1.2 <2' },
      when: { mask_form: 'boolean' },
    });
    expect(entry.case).toStrictEqual(theCase);
  });

  it('of a newer maskproof are refused as such', () => {
    const file = join(folder, 'newer.json');
    writeFileSync(file, JSON.stringify({ schema: 'maskproof/counterexample@3' }));
    expect(() => loadCounterexample(file)).toThrow(
      /was written by a newer maskproof: its format is 3, and this one reads 1 and 2\./,
    );
  });
});

describe('large contents', () => {
  it('stand beside the JSON and come back from there', () => {
    const corpus = join(folder, 'corpus');
    const file = saveCounterexample(corpus, large);
    const id = counterexampleId(large);
    expect(readdirSync(corpus)).toEqual([`${id}.json`, `${id}.safetensors`]);
    expect(readFileSync(file, 'utf8').length).toBeLessThan(20_000);
    expect(loadCounterexample(file)).toStrictEqual(large);
  });

  it('are refused where their file is gone, holds another tensor, or lies elsewhere', () => {
    const corpus = join(folder, 'broken');
    const file = saveCounterexample(corpus, large);
    const text = readFileSync(file, 'utf8');
    const id = counterexampleId(large);
    rmSync(join(corpus, `${id}.safetensors`));
    expect(() => loadCounterexample(file)).toThrow(/^The file of tensors .* does not exist\./);
    copyFileSync(join(formats, 'counterexample-2.safetensors'), join(corpus, `${id}.safetensors`));
    expect(() => loadCounterexample(file)).toThrow(
      /case\.key is "float32" of \[1,1,2,3000\]; the tensor "key" is "float32" of \[1,1,2,1\]/,
    );
    writeFileSync(join(corpus, `${id}.safetensors`), 'rubbish');
    expect(() => loadCounterexample(file)).toThrow(/is no safetensors file that can be read/);
    for (const elsewhere of ['../x.safetensors', '/etc/x.safetensors', '..\\x.safetensors', 'x.json', 3]) {
      writeFileSync(file, text.replace(`"${id}.safetensors"`, JSON.stringify(elsewhere)));
      expect(() => loadCounterexample(file)).toThrow(/it is the name of a \.safetensors file in the same folder/);
    }
  });
});

describe('a .safetensors file', () => {
  it('holds a whole counterexample', () => {
    const file = join(folder, 'whole.safetensors');
    writeFileSync(file, counterexampleTensors(large));
    expect(loadCounterexample(file)).toStrictEqual(large);
    expect(loadCase(file).case).toStrictEqual(large.case);
  });

  it('may hold bare tensors where it is to be shrunk', () => {
    const file = join(folder, 'bare.safetensors');
    const written = (mask: ReturnType<typeof boolTensor | typeof intTensor | typeof floatTensor>, metadata = {}) => {
      const { query, key, value } = theCase;
      writeFileSync(
        file,
        writeSafetensors(
          [
            ['query', query],
            ['key', key],
            ['value', value],
            ['mask', mask],
          ],
          metadata,
        ),
      );
      return loadCase(file).case;
    };
    expect(written(boolTensor([1, 1, 1, 2], [1, 0]))).toStrictEqual(theCase);
    expect(written(intTensor([1, 2], [1, 0]), { is_causal: 'True', scale: '0.5' })).toMatchObject({
      mask: { rank: 2, form: 'integer' },
      isCausal: true,
      scale: 0.5,
    });
    expect(written(floatTensor('float32', [1, 1, 2], [0, -Infinity])).mask).toMatchObject({
      rank: 3,
      form: 'additive',
    });
    expect(() => written(boolTensor([1, 1, 1, 2], [1, 0]), { scale: 'big' })).toThrow(
      /The metadata's scale is "big"; it is a number/,
    );
    expect(() => loadCounterexample(file)).toThrow(/its metadata lack "maskproof"/);
    writeFileSync(file, writeSafetensors([['q', theCase.query]]));
    expect(() => loadCase(file)).toThrow(/The tensor "q" is none of a case/);
  });
});
