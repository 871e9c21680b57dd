/** Judges a case from elsewhere: a file, a worker, a user's program. */
import type { AttentionCase, Conventions, FloatTensor, Mask, Sizes, Tensor } from './case';
import { finfo, round } from './dtype';
import { sizesOf } from './case';
import { sizeOf } from './tensor';

/**
 * A full sentence that names what is wrong with a case, undefined where it is a case. With `conventions` it is also
 * judged whether an over-long mask can be read the declared way.
 */
export function problemOf(c: AttentionCase, conventions?: Conventions): string | undefined {
  const tensors = tensorsOf(c);
  for (const [name, tensor] of tensors) {
    const problem = tensorProblem(name, tensor);
    if (problem) return problem;
  }
  return (
    shapesProblem(c) ??
    numbersProblem(c) ??
    maskProblem(c, conventions) ??
    rulesProblem(c) ??
    rotaryProblem(c) ??
    contentsProblem(tensors)
  );
}

function tensorsOf(c: AttentionCase): readonly (readonly [string, Tensor])[] {
  const tensors: [string, Tensor | undefined][] = [
    ['query', c.query],
    ['key', c.key],
    ['value', c.value],
    ['mask', c.mask?.tensor],
    ['positionIds', c.rotary?.positionIds],
    ['segments', c.segments],
    ['gradOutput', c.gradOutput],
  ];
  return tensors.filter((entry): entry is [string, Tensor] => entry[1] !== undefined);
}

function tensorProblem(name: string, tensor: Tensor): string | undefined {
  if (!tensor.shape.every((length) => Number.isInteger(length) && length >= 1)) {
    return `${name} has the shape ${shapeText(tensor.shape)}: every length must be a whole number from 1 on.`;
  }
  if (tensor.data.length !== sizeOf(tensor.shape)) {
    return `${name} has the shape ${shapeText(tensor.shape)} and ${tensor.data.length} numbers, not ${sizeOf(tensor.shape)}.`;
  }
  return undefined;
}

function shapesProblem(c: AttentionCase): string | undefined {
  for (const [name, tensor] of [
    ['query', c.query],
    ['key', c.key],
    ['value', c.value],
  ] as const) {
    if (tensor.shape.length !== 4) return `${name} has ${tensor.shape.length} axes, not 4: ${shapeText(tensor.shape)}.`;
    if (!(tensor.dtype in finfo)) return `${name} has the dtype ${String(tensor.dtype)}, which is not a floating one.`;
    if (tensor.dtype !== c.query.dtype) return `${name} is ${tensor.dtype} and query is ${c.query.dtype}.`;
  }
  const { batch, numHeads, numKvHeads, qLen, kvLen, headDim, vHeadDim } = sizesOf(c);
  if (numHeads % numKvHeads !== 0) return `num_heads=${numHeads} is not a multiple of num_kv_heads=${numKvHeads}.`;
  return (
    shapeProblem('key', c.key, [batch, numKvHeads, kvLen, headDim]) ??
    shapeProblem('value', c.value, [batch, numKvHeads, kvLen, vHeadDim]) ??
    (c.gradOutput && floatProblem('gradOutput', c.gradOutput, c)) ??
    (c.gradOutput && shapeProblem('gradOutput', c.gradOutput, [batch, numHeads, qLen, vHeadDim]))
  );
}

function floatProblem(name: string, tensor: FloatTensor, c: AttentionCase): string | undefined {
  return tensor.dtype === c.query.dtype ? undefined : `${name} is ${tensor.dtype} and query is ${c.query.dtype}.`;
}

function shapeProblem(name: string, tensor: Tensor, due: readonly number[]): string | undefined {
  const same = tensor.shape.length === due.length && tensor.shape.every((length, axis) => length === due[axis]);
  return same ? undefined : `${name} has the shape ${shapeText(tensor.shape)}, not ${shapeText(due)}.`;
}

function numbersProblem(c: AttentionCase): string | undefined {
  if (!Number.isFinite(c.scale)) return `scale=${c.scale} is not a finite number.`;
  if (c.softcap !== undefined && !(c.softcap > 0 && c.softcap < Infinity)) {
    return `softcap=${c.softcap} is not a positive number.`;
  }
  return undefined;
}

const formTypes = { boolean: ['bool'], additive: Object.keys(finfo), integer: ['int64'] };

function maskProblem(c: AttentionCase, conventions: Conventions | undefined): string | undefined {
  const { mask } = c;
  if (mask === undefined) return undefined;
  const rank: number = mask.rank;
  const types: readonly string[] | undefined = formTypes[mask.form];
  if (types === undefined)
    return `The mask has the form ${JSON.stringify(mask.form)}, not boolean, additive or integer.`;
  if (!types.includes(mask.tensor.dtype)) return `A mask of the ${mask.form} form cannot be ${mask.tensor.dtype}.`;
  if (mask.form === 'integer' && rank !== 2) return `An integer mask has rank 2, not ${rank}.`;
  return maskShapeProblem(mask, sizesOf(c), conventions);
}

function maskShapeProblem(mask: Mask, sizes: Sizes, conventions: Conventions | undefined): string | undefined {
  const { batch, numHeads, qLen, kvLen } = sizes;
  const { shape } = mask.tensor;
  const named = `A mask of shape ${shapeText(shape)}`;
  if (![2, 3, 4].includes(mask.rank)) return `The mask has rank ${String(mask.rank)}, not 2, 3 or 4.`;
  if (shape.length !== mask.rank) return `${named} has ${shape.length} axes, not the ${mask.rank} of its rank.`;
  const may = mask.rank === 4 ? [1] : [];
  if (![batch, ...may].includes(shape[0])) return `${named} does not fit batch=${batch}.`;
  if (mask.rank === 4 && ![numHeads, 1].includes(shape[1])) return `${named} does not fit num_heads=${numHeads}.`;
  const columns = shape[shape.length - 1];
  if (columns < kvLen) return `${named} is shorter than the keys: kv_len=${kvLen}.`;
  if (columns > kvLen && conventions?.overlongKeys === 'refused') {
    return `${named} has more columns than keys, which is declared refused: kv_len=${kvLen}.`;
  }
  if (mask.rank === 2) return undefined;
  const rows = shape[mask.rank - 2];
  if (rows === qLen || (mask.rank === 4 && rows === 1)) return undefined;
  if (rows < qLen) return `${named} has fewer rows than queries: q_len=${qLen}.`;
  if (conventions?.overlongRows === 'error') {
    return `${named} has more rows than queries, which is declared an error: q_len=${qLen}.`;
  }
  if (conventions?.overlongRows === 'position' && (rows < kvLen || qLen > kvLen)) {
    return `${named} has no row for every position: q_len=${qLen}, kv_len=${kvLen}.`;
  }
  return undefined;
}

function rulesProblem(c: AttentionCase): string | undefined {
  if (c.want.gradients && c.gradOutput === undefined) return 'Gradients are asked for, and there is no gradOutput.';
  const { batch, qLen, kvLen } = sizesOf(c);
  const authoritative = c.mask?.rank === 4;
  for (const [name, given] of [
    ['slidingWindow', c.slidingWindow],
    ['segments', c.segments],
  ] as const) {
    if (given && authoritative) return `${name} is given beside a mask of rank 4, which is authoritative.`;
    if (given && qLen > kvLen) return `${name} is given with q_len=${qLen} > kv_len=${kvLen}.`;
  }
  if (c.isCausal && !authoritative && qLen > kvLen) return `isCausal is set with q_len=${qLen} > kv_len=${kvLen}.`;
  for (const side of ['left', 'right'] as const) {
    const reach = c.slidingWindow?.[side];
    if (reach !== undefined && !(Number.isInteger(reach) && reach >= 0)) {
      return `slidingWindow.${side}=${reach} is not a whole number from 0 on.`;
    }
  }
  return c.segments && (typeProblem('segments', c.segments) ?? shapeProblem('segments', c.segments, [batch, kvLen]));
}

function rotaryProblem(c: AttentionCase): string | undefined {
  const { rotary } = c;
  if (c.bridge !== 'base' && c.bridge !== 'rotary') return `bridge=${JSON.stringify(c.bridge)} is not base or rotary.`;
  if (rotary === undefined) return c.bridge === 'rotary' ? 'The bridge is rotary, and rotary is not given.' : undefined;
  if (c.bridge === 'base') return 'rotary is given, and the bridge is base.';
  const { batch, qLen, kvLen, headDim } = sizesOf(c);
  if (qLen > kvLen) return `rotary is given with q_len=${qLen} > kv_len=${kvLen}.`;
  const { rotaryDim, base, layout, positionIds } = rotary;
  if (!(Number.isInteger(rotaryDim) && rotaryDim >= 2 && rotaryDim <= headDim && rotaryDim % 2 === 0)) {
    return `rotaryDim=${rotaryDim} is not an even number from 2 to head_dim=${headDim}.`;
  }
  if (!(base >= 1 && base < Infinity)) return `base=${base} of rotary is not a number from 1 on.`;
  if (layout !== 'half' && layout !== 'interleaved') {
    return `layout=${JSON.stringify(layout)} of rotary is not half or interleaved.`;
  }
  const problem = typeProblem('positionIds', positionIds) ?? shapeProblem('positionIds', positionIds, [batch, kvLen]);
  if (problem) return problem;
  const negative = positionIds.data.find((position) => position < 0);
  return negative === undefined ? undefined : `positionIds holds ${negative}; positions count from 0.`;
}

function typeProblem(name: string, tensor: Tensor): string | undefined {
  return tensor.dtype === 'int64' ? undefined : `${name} is ${tensor.dtype}, not int64.`;
}

/** NaN and infinities are contents like any other in query, key and value: dropped ones may be poison. */
function contentsProblem(tensors: readonly (readonly [string, Tensor])[]): string | undefined {
  for (const [name, tensor] of tensors) {
    const { dtype, data } = tensor;
    const bad = (data as Float64Array).findIndex((value) => !belongs(value, dtype, name));
    if (bad >= 0) return `${name} holds ${data[bad]} at ${bad}, which ${whyNot(data[bad], dtype, name)}.`;
  }
  return undefined;
}

function belongs(value: number, dtype: Tensor['dtype'], name: string): boolean {
  if (dtype === 'bool') return value === 0 || value === 1;
  if (dtype === 'int64') return Number.isSafeInteger(value) && (name !== 'mask' || value === 0 || value === 1);
  // In a mask, -Infinity drops; NaN and Infinity mean nothing.
  if (name === 'mask' && !(value < Infinity)) return false;
  return Object.is(round(value, dtype), value);
}

function whyNot(value: number, dtype: Tensor['dtype'], name: string): string {
  if (dtype === 'bool' || (dtype === 'int64' && name === 'mask')) return 'is neither 0 nor 1';
  if (name === 'mask' && !(value < Infinity)) return 'neither keeps nor drops';
  return dtype === 'int64' ? 'is no whole number' : `${dtype} cannot represent`;
}

function shapeText(shape: readonly number[]): string {
  return `[${shape.join(', ')}]`;
}
