/** What is handed to a library: a mask of a certain shape and dtype, on queries and keys whose scores are all zero. */
import type { AttentionCase, FloatType, Mask, MaskForm, MaskRank, Tensor } from '../../reference/case';
import { finfo } from '../../reference/dtype';

export interface Sizes {
  readonly batch: number;
  readonly heads: number;
  readonly qLen: number;
  readonly kvLen: number;
}

export type Element = 'bool' | 'finfo' | 'inf' | 'bias' | 'int64' | 'zero-one';

export interface Question {
  /** The mask in words, with its shape in axis names. */
  readonly words: string;
  readonly sizes: Sizes;
  readonly dtype: FloatType;
  readonly isCausal: boolean;
  /** The mask as a pattern of kept cells, [shape]; undefined where none is handed over. */
  readonly mask?: { readonly shape: readonly number[]; readonly keeps: readonly boolean[]; readonly element: Element };
}

/** Scores are zero and values are the identity, so that the output is the weights. */
export function caseOf({ sizes, dtype, isCausal, mask }: Question): AttentionCase {
  const { batch, heads, qLen, kvLen } = sizes;
  const zeros = (length: number) => ({
    dtype,
    shape: [batch, heads, length, kvLen],
    data: new Float64Array(batch * heads * length * kvLen),
  });
  const value = zeros(kvLen);
  for (let at = 0; at < value.data.length; at++) if (at % kvLen === Math.floor(at / kvLen) % kvLen) value.data[at] = 1;
  return {
    bridge: 'base',
    query: zeros(qLen),
    key: zeros(kvLen),
    value,
    isCausal,
    scale: 1 / Math.sqrt(kvLen),
    want: {},
    ...(mask && { mask: maskOf(mask, dtype) }),
  };
}

/** A finite bias: what it adds to a kept cell, and to the others. */
export const biases = { kept: 0.5, dropped: -1.5 } as const;

/** The number that stands in the mask for a kept cell and for a dropped one. */
export function numbersOf(element: Element, dtype: FloatType): readonly [kept: number, dropped: number] {
  switch (element) {
    case 'finfo':
      return [0, finfo[dtype].lowest];
    case 'inf':
      return [0, -Infinity];
    case 'bias':
      return [biases.kept, biases.dropped];
    case 'bool':
    case 'int64':
    case 'zero-one':
      return [1, 0];
  }
}

function maskOf({ shape, keeps, element }: NonNullable<Question['mask']>, dtype: FloatType): Mask {
  const [kept, dropped] = numbersOf(element, dtype);
  const numbers = keeps.map((keep) => (keep ? kept : dropped));
  const form: MaskForm = element === 'bool' ? 'boolean' : element === 'int64' ? 'integer' : 'additive';
  const tensor: Tensor =
    form === 'boolean'
      ? { dtype: 'bool', shape, data: Uint8Array.from(numbers) }
      : { dtype: form === 'integer' ? 'int64' : dtype, shape, data: Float64Array.from(numbers) };
  // The rank is only a name here: what counts is the tensor as it is.
  return { rank: Math.min(4, Math.max(2, shape.length)) as MaskRank, form, tensor } as Mask;
}

/** Holes on both sides of the diagonal, no two rows or columns alike, and no row or column empty, whatever the shape. */
export function pattern(shape: readonly number[]): boolean[] {
  const columns = shape[shape.length - 1];
  const size = shape.reduce((a, b) => a * b, 1);
  return Array.from({ length: size }, (_, at) => {
    const row = Math.floor(at / columns);
    return (at % columns) % columns !== (row * 3 + 1 + Math.floor(row / columns)) % columns;
  });
}

const self: Sizes = { batch: 2, heads: 2, qLen: 4, kvLen: 4 };
const square: Sizes = { batch: 4, heads: 2, qLen: 4, kvLen: 4 };
const cached: Sizes = { batch: 2, heads: 2, qLen: 2, kvLen: 4 };

function asking(words: string, element: Element, shape: readonly number[], sizes: Sizes = self): Question {
  return { words, sizes, dtype: 'float32', isCausal: false, mask: { shape, keeps: pattern(shape), element } };
}

const { batch, heads, qLen, kvLen } = self;

/** Each is asked twice: without and with is_causal. */
export const forms: readonly Question[] = [
  asking('bool [batch, kv_len]', 'bool', [batch, kvLen]),
  asking('bool [batch, kv_len], batch = q_len', 'bool', [square.batch, square.kvLen], square),
  asking('bool [q_len, kv_len]', 'bool', [qLen, kvLen]),
  asking('bool [batch, q_len, kv_len]', 'bool', [batch, qLen, kvLen]),
  asking('bool [batch x num_heads, q_len, kv_len]', 'bool', [batch * heads, qLen, kvLen]),
  asking('bool [batch, 1, 1, kv_len]', 'bool', [batch, 1, 1, kvLen]),
  asking('bool [batch, 1, q_len, kv_len]', 'bool', [batch, 1, qLen, kvLen]),
  asking('0 and finfo.min [batch, kv_len]', 'finfo', [batch, kvLen]),
  asking('0 and finfo.min [q_len, kv_len]', 'finfo', [qLen, kvLen]),
  asking('0 and finfo.min [batch, 1, q_len, kv_len]', 'finfo', [batch, 1, qLen, kvLen]),
  asking('0 and -inf [batch, 1, q_len, kv_len]', 'inf', [batch, 1, qLen, kvLen]),
  asking('a finite bias [batch, 1, q_len, kv_len]', 'bias', [batch, 1, qLen, kvLen]),
  asking('float 1 and 0 [batch, kv_len]', 'zero-one', [batch, kvLen]),
  asking('int64 1 and 0 [batch, kv_len]', 'int64', [batch, kvLen]),
  asking('int64 1 and 0 [batch, 1, q_len, kv_len]', 'int64', [batch, 1, qLen, kvLen]),
];

/** Masks that do not fit: what is refused, and what is read all the same. The first shape that the library takes at all is asked. */
export const misfits: readonly { readonly words: string; readonly asked: readonly Question[] }[] = [
  misfit('two columns too many', [batch, 1, qLen, kvLen + 2], [qLen, kvLen + 2], [batch, kvLen + 2]),
  misfit('two rows too many', [batch, 1, qLen + 2, kvLen], [qLen + 2, kvLen]),
  misfit('one column too few', [batch, 1, qLen, kvLen - 1], [qLen, kvLen - 1], [batch, kvLen - 1]),
  misfit('a single column', [batch, 1, qLen, 1], [qLen, 1], [batch, 1]),
  misfit('one row too few', [batch, 1, qLen - 1, kvLen], [qLen - 1, kvLen]),
  misfit('another batch', [batch + 1, 1, qLen, kvLen], [batch + 1, kvLen]),
];

function misfit(words: string, ...shapes: readonly (readonly number[])[]) {
  const asked = shapes.flatMap((shape) => {
    const elements: readonly Element[] =
      shape.length === 2 && shape[0] !== qLen ? ['bool', 'int64'] : ['bool', 'finfo'];
    return elements.map((element) => asking(words, element, shape));
  });
  return { words, asked };
}

/** No mask at all, and is_causal: where the diagonal lies. */
export const alignments: readonly Question[] = [
  { words: 'q_len = kv_len', sizes: self, dtype: 'float32', isCausal: true },
  { words: 'q_len < kv_len', sizes: cached, dtype: 'float32', isCausal: true },
];

export const dtypes: readonly FloatType[] = ['float32', 'float64', 'float16', 'bfloat16'];
export const emptyElements: readonly (readonly [Element, string])[] = [
  ['bool', 'boolean'],
  ['finfo', 'finfo.min'],
  ['inf', '-inf'],
];

/**
 * Query 1 keeps nothing, where queries can be told apart; else the whole of batch row 1. The others keep the keys up to their own.
 * The first shape that the library takes at all is asked. `turned`: true drops there.
 */
export function emptyRow(
  element: Element,
  dtype: FloatType,
  turned: boolean,
): readonly (Question & { readonly row: number })[] {
  const causal = (at: number) => at % kvLen <= Math.floor(at / kvLen) % qLen;
  const ask = (of: Element, row: number, shape: readonly number[], keeps: (at: number) => boolean) => ({
    words: `${element} ${dtype}`,
    sizes: self,
    dtype,
    isCausal: false,
    row,
    mask: {
      shape,
      keeps: Array.from({ length: shape.reduce((a, b) => a * b, 1) }, (_, at) => keeps(at) !== turned),
      element: of,
    },
  });
  const isQuery1 = (at: number) => Math.floor(at / kvLen) % qLen === 1;
  const isBatch1 = (at: number) => at >= kvLen;
  return [
    ask(element, 1, [batch, 1, qLen, kvLen], (at) => !isQuery1(at) && causal(at)),
    ask(element, 1, [qLen, kvLen], (at) => !isQuery1(at) && causal(at)),
    ask(element, heads * qLen + 1, [batch, kvLen], (at) => !isBatch1(at)),
    ...(element === 'bool' ? [ask('int64', heads * qLen + 1, [batch, kvLen], (at) => !isBatch1(at))] : []),
  ];
}

export const withCausality = (question: Question): Question => ({ ...question, isCausal: true });
