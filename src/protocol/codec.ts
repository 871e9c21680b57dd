/**
 * Cases between here and the wire: JSON that people read, and that Python reads. The only place that renames: snake_case there,
 * camelCase here. Numbers that JSON lacks are strings: "NaN", "Infinity", "-Infinity", "-0".
 */
import { sizesOf } from '../../reference/case';
import type {
  AttentionCase,
  Bridge,
  Layout,
  Mask,
  MaskForm,
  MaskRank,
  Rotary,
  SlidingWindow,
  Tensor,
  Want,
} from '../../reference/case';
import { isModelCase, type Case } from '../../reference/model-case';
import { modelFromWire, modelToWireWith, type ModelTensorName, type WireModelCase } from './model-codec';
import {
  bool,
  floatTypes,
  numberFromWire,
  numberToWire,
  oneOf,
  record,
  show,
  tensor,
  tensorToWire,
  whole,
  WireError,
  type WireNumber,
  type WireTensor,
} from './wire';

export { numberToWire, tensorToWire, WireError } from './wire';

/**
 * One attention call as JSON. `left_window_size` and `right_window_size` count neighbours, -1 is unbounded; absent, there is no window.
 * Between processes the numbers travel beside the JSON: `T` is then the name of a tensor.
 */
export interface WireCase<T = WireTensor> {
  readonly bridge: Bridge;
  readonly query: T;
  readonly key: T;
  readonly value: T;
  readonly mask?: { readonly rank: MaskRank; readonly form: MaskForm; readonly tensor: T };
  readonly is_causal: boolean;
  readonly scale?: WireNumber;
  readonly rotary?: {
    readonly rotary_dim: number;
    readonly rotary_base: WireNumber;
    readonly layout: Rotary['layout'];
    readonly position_ids: T;
  };
  readonly left_window_size?: number;
  readonly right_window_size?: number;
  readonly softcap?: WireNumber;
  readonly segments?: T;
  readonly mask_layout?: Layout;
  readonly want?: Want;
  readonly grad_output?: T;
}

/** The tensors of a case as the wire, reports and Python name them. */
export type TensorName = 'query' | 'key' | 'value' | 'mask' | 'position_ids' | 'segments' | 'grad_output';

/** The wire form of a case; what is absent stays absent. */
export function caseToWire(c: AttentionCase): WireCase;
export function caseToWire(c: Case): WireCase | WireModelCase;
export function caseToWire(c: Case): WireCase | WireModelCase {
  return caseToWireWith(c, tensorToWire);
}

/** The same, with every tensor put into words by `write`, which is told the tensor's name in the wire form. */
export function caseToWireWith<T>(
  c: Case,
  write: (tensor: Tensor, name: TensorName | ModelTensorName) => T,
): WireCase<T> | WireModelCase<T> {
  return isModelCase(c) ? modelToWireWith(c, write) : attentionToWireWith(c, write);
}

function attentionToWireWith<T>(c: AttentionCase, write: (tensor: Tensor, name: TensorName) => T): WireCase<T> {
  const { mask, rotary, slidingWindow } = c;
  // Written out field by field: every case of every batch comes through here.
  const wire = {
    bridge: c.bridge,
    query: write(c.query, 'query'),
    key: write(c.key, 'key'),
    value: write(c.value, 'value'),
  } as Writable<WireCase<T>>;
  if (mask) wire.mask = { rank: mask.rank, form: mask.form, tensor: write(mask.tensor, 'mask') };
  wire.is_causal = c.isCausal;
  wire.scale = numberToWire(c.scale);
  if (rotary)
    wire.rotary = {
      rotary_dim: rotary.rotaryDim,
      rotary_base: numberToWire(rotary.base),
      layout: rotary.layout,
      position_ids: write(rotary.positionIds, 'position_ids'),
    };
  if (slidingWindow) {
    wire.left_window_size = slidingWindow.left ?? -1;
    wire.right_window_size = slidingWindow.right ?? -1;
  }
  if (c.softcap !== undefined) wire.softcap = numberToWire(c.softcap);
  if (c.segments) wire.segments = write(c.segments, 'segments');
  if (c.maskLayout) wire.mask_layout = c.maskLayout;
  if (Object.keys(c.want).length > 0) wire.want = { ...c.want };
  if (c.gradOutput) wire.grad_output = write(c.gradOutput, 'grad_output');
  return wire;
}

type Writable<T> = { -readonly [K in keyof T]: T[K] };

const fields: readonly string[] = [
  'bridge',
  'query',
  'key',
  'value',
  'mask',
  'is_causal',
  'scale',
  'rotary',
  'left_window_size',
  'right_window_size',
  'softcap',
  'segments',
  'mask_layout',
  'want',
  'grad_output',
];

/** The case that a wire form means; throws a WireError that names the first field that is wrong. Whether the case means anything is for `problemOf`. */
export function caseFromWire(wire: unknown, at = 'case'): Case {
  const w = record(wire, at);
  return w.kind === 'model' ? modelFromWire(w, at) : attentionFromWire(w, at);
}

/** The same for a place where only a single attention call may stand. */
export function attentionFromWire(wire: unknown, at = 'case'): AttentionCase {
  const w = record(wire, at);
  for (const field of Object.keys(w))
    if (!fields.includes(field))
      throw new WireError(`${at}.${field} is no field of a case; those are ${fields.join(', ')}.`);
  const query = tensor(w.query, `${at}.query`, floatTypes, 4);
  const key = tensor(w.key, `${at}.key`, floatTypes, 4);
  const value = tensor(w.value, `${at}.value`, floatTypes, 4);
  const slidingWindow = windowOf(w, at);
  return {
    bridge: w.bridge === undefined ? 'base' : oneOf(w.bridge, `${at}.bridge`, ['base', 'rotary']),
    query,
    key,
    value,
    ...(w.mask !== undefined && { mask: maskFromWire(w.mask, `${at}.mask`) }),
    isCausal: bool(w.is_causal, `${at}.is_causal`),
    scale:
      w.scale === undefined
        ? 1 / Math.sqrt(sizesOf({ query, key, value }).headDim)
        : numberFromWire(w.scale, `${at}.scale`),
    ...(w.rotary !== undefined && { rotary: rotaryFromWire(w.rotary, `${at}.rotary`) }),
    ...(slidingWindow && { slidingWindow }),
    ...(w.softcap !== undefined && { softcap: numberFromWire(w.softcap, `${at}.softcap`) }),
    ...(w.segments !== undefined && { segments: tensor(w.segments, `${at}.segments`, ['int64'], 2) }),
    ...(w.mask_layout !== undefined && {
      maskLayout: oneOf(w.mask_layout, `${at}.mask_layout`, [
        'contiguous',
        'transposed',
        'strided',
        'expanded',
        'offset',
      ]),
    }),
    want: w.want === undefined ? {} : wantFromWire(w.want, `${at}.want`),
    ...(w.grad_output !== undefined && { gradOutput: tensor(w.grad_output, `${at}.grad_output`, floatTypes, 4) }),
  };
}

function maskFromWire(wire: unknown, at: string): Mask {
  const w = record(wire, at);
  const form = oneOf(w.form, `${at}.form`, ['boolean', 'additive', 'integer']);
  const rank = oneOf(w.rank, `${at}.rank`, [2, 3, 4]);
  if (form === 'boolean') return { rank, form, tensor: tensor(w.tensor, `${at}.tensor`, ['bool'], rank) };
  if (form === 'additive') return { rank, form, tensor: tensor(w.tensor, `${at}.tensor`, floatTypes, rank) };
  if (rank !== 2) throw new WireError(`${at}.rank is ${rank}; an integer mask has rank 2, [batch, kv_len].`);
  return { rank, form, tensor: tensor(w.tensor, `${at}.tensor`, ['int64'], rank) };
}

function rotaryFromWire(wire: unknown, at: string): Rotary {
  const w = record(wire, at);
  return {
    rotaryDim: whole(w.rotary_dim, `${at}.rotary_dim`),
    base: numberFromWire(w.rotary_base, `${at}.rotary_base`),
    layout: oneOf(w.layout, `${at}.layout`, ['half', 'interleaved']),
    positionIds: tensor(w.position_ids, `${at}.position_ids`, ['int64'], 2),
  };
}

function windowOf(w: Readonly<Record<string, unknown>>, at: string): SlidingWindow | undefined {
  if (w.left_window_size === undefined && w.right_window_size === undefined) return undefined;
  const side = (field: 'left_window_size' | 'right_window_size') => {
    const n = w[field] ?? -1;
    if (!Number.isInteger(n) || (n as number) < -1)
      throw new WireError(`${at}.${field} is ${show(n)}; it counts neighbours, 0 or more, or is -1 for unbounded.`);
    return n === -1 ? undefined : (n as number);
  };
  const left = side('left_window_size');
  const right = side('right_window_size');
  return { ...(left !== undefined && { left }), ...(right !== undefined && { right }) };
}

function wantFromWire(wire: unknown, at: string): Want {
  const w = record(wire, at);
  for (const field of Object.keys(w)) {
    oneOf(field, at, ['weights', 'scores', 'gradients']);
    bool(w[field], `${at}.${field}`);
  }
  return { ...w };
}

/** Anything declared in camelCase, keys and all, as the wire spells it: `maskRanks` becomes `mask_ranks`. Values other than numbers stay as they are. */
export function toSnakeCase(value: unknown): unknown {
  if (typeof value === 'number') return numberToWire(value);
  if (Array.isArray(value)) return value.map(toSnakeCase);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .filter(([, item]) => item !== undefined)
      .map(([name, item]) => [snakeCase(name), toSnakeCase(item)]),
  );
}

/** `maskRanks` becomes `mask_ranks`. */
export function snakeCase(name: string): string {
  return name.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}

/** The way back: `mask_ranks` becomes `maskRanks`, at every depth; "NaN" and the like stay strings. */
export function toCamelCase(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(toCamelCase);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, item]) => [camelCase(name), toCamelCase(item)]));
}

/** `mask_ranks` becomes `maskRanks`. */
export function camelCase(name: string): string {
  return name.replaceAll(/_([a-z0-9])/g, (_, letter: string) => letter.toUpperCase());
}
