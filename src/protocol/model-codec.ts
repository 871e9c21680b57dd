/** Model cases between here and the wire, as `codec.ts` has it for attention calls. */
import type { FloatType, Tensor } from '../../reference/case';
import type { ModelCase, ModelMask, ModelWant } from '../../reference/model-case';
import { bool, floatTypes, oneOf, record, show, tensor, WireError, type WireTensor } from './wire';

/** One call of a whole model as JSON: `kind` tells it from an attention call, which has none. */
export interface WireModelCase<T = WireTensor> {
  readonly kind: 'model';
  /** [batch, seq_len] */
  readonly tokens: T;
  readonly dtype: FloatType;
  readonly mask?: { readonly rank: 2 | 4; readonly form: ModelMask['form']; readonly tensor: T };
  readonly position_ids?: T;
  readonly chunks?: readonly number[];
  readonly want?: ModelWant;
}

export type ModelTensorName = 'tokens' | 'mask' | 'position_ids';

/** Tensors are put into words by `write`, which is told the tensor's name in the wire form. */
export function modelToWireWith<T>(
  { tokens, dtype, mask, positionIds, chunks, want }: ModelCase,
  write: (tensor: Tensor, name: ModelTensorName) => T,
): WireModelCase<T> {
  return {
    kind: 'model',
    tokens: write(tokens, 'tokens'),
    dtype,
    ...(mask && { mask: { rank: mask.rank, form: mask.form, tensor: write(mask.tensor, 'mask') } }),
    ...(positionIds && { position_ids: write(positionIds, 'position_ids') }),
    ...(chunks && { chunks: [...chunks] }),
    ...(Object.keys(want).length > 0 && { want: { ...want } }),
  };
}

const fields = ['kind', 'tokens', 'dtype', 'mask', 'position_ids', 'chunks', 'want'];

/** Throws a WireError that names the first field that is wrong. */
export function modelFromWire(w: Readonly<Record<string, unknown>>, at: string): ModelCase {
  for (const field of Object.keys(w))
    if (!fields.includes(field))
      throw new WireError(`${at}.${field} is no field of a model case; those are ${fields.join(', ')}.`);
  return {
    tokens: tensor(w.tokens, `${at}.tokens`, ['int64'], 2),
    dtype: oneOf(w.dtype, `${at}.dtype`, floatTypes),
    ...(w.mask !== undefined && { mask: maskFromWire(w.mask, `${at}.mask`) }),
    ...(w.position_ids !== undefined && { positionIds: tensor(w.position_ids, `${at}.position_ids`, ['int64'], 2) }),
    ...(w.chunks !== undefined && { chunks: lengths(w.chunks, `${at}.chunks`) }),
    want: w.want === undefined ? {} : wantFromWire(w.want, `${at}.want`),
  };
}

function maskFromWire(wire: unknown, at: string): ModelMask {
  const w = record(wire, at);
  const rank = oneOf(w.rank, `${at}.rank`, [2, 4]);
  if (rank === 2) {
    const form = oneOf(w.form, `${at}.form`, ['boolean', 'integer', 'float']);
    if (form === 'boolean') return { rank, form, tensor: tensor(w.tensor, `${at}.tensor`, ['bool'], rank) };
    if (form === 'integer') return { rank, form, tensor: tensor(w.tensor, `${at}.tensor`, ['int64'], rank) };
    return { rank, form, tensor: tensor(w.tensor, `${at}.tensor`, floatTypes, rank) };
  }
  const form = oneOf(w.form, `${at}.form`, ['boolean', 'additive']);
  if (form === 'boolean') return { rank, form, tensor: tensor(w.tensor, `${at}.tensor`, ['bool'], rank) };
  return { rank, form, tensor: tensor(w.tensor, `${at}.tensor`, floatTypes, rank) };
}

function lengths(wire: unknown, at: string): readonly number[] {
  if (!Array.isArray(wire) || !wire.every((n) => Number.isInteger(n) && n > 0))
    throw new WireError(`${at} is ${show(wire)}; it is a list of lengths, 1 or more.`);
  return wire as readonly number[];
}

function wantFromWire(wire: unknown, at: string): ModelWant {
  const w = record(wire, at);
  for (const field of Object.keys(w)) {
    oneOf(field, at, ['gradients']);
    bool(w[field], `${at}.${field}`);
  }
  return { ...w };
}
