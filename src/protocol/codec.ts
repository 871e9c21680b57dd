/**
 * Cases between here and the wire: JSON that people read, and that Python reads. The only place that renames: snake_case there,
 * camelCase here. Numbers that JSON lacks are strings: "NaN", "Infinity", "-Infinity", "-0".
 */
import { sizesOf } from '../../reference/case';
import type {
  AttentionCase,
  BoolTensor,
  Bridge,
  DType,
  FloatTensor,
  FloatType,
  IntTensor,
  Layout,
  Mask,
  MaskForm,
  MaskRank,
  Rotary,
  SlidingWindow,
  Tensor,
  Want,
} from '../../reference/case';

export type WireNumber = number | 'NaN' | 'Infinity' | '-Infinity' | '-0';

/** Row-major. */
export interface WireTensor {
  readonly dtype: DType;
  readonly shape: readonly number[];
  readonly data: readonly WireNumber[];
}

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

/** A case that is not one: the message names the field, what stands there, and what may. */
export class WireError extends Error {
  override readonly name = 'WireError';
}

/** NaN, the infinities and -0 as strings. */
export function numberToWire(x: number): WireNumber {
  if (Number.isNaN(x)) return 'NaN';
  if (x === Infinity) return 'Infinity';
  if (x === -Infinity) return '-Infinity';
  return Object.is(x, -0) ? '-0' : x;
}

const special: ReadonlyMap<unknown, number> = new Map([
  ['NaN', NaN],
  ['Infinity', Infinity],
  ['-Infinity', -Infinity],
  ['-0', -0],
]);

function numberFromWire(x: unknown, at: string): number {
  if (typeof x === 'number') return x;
  const found = special.get(x);
  if (found === undefined)
    throw new WireError(`${at} is ${show(x)}; it is a number, or "NaN", "Infinity", "-Infinity" or "-0".`);
  return found;
}

export const tensorToWire = ({ dtype, shape, data }: Tensor): WireTensor => ({
  dtype,
  shape: [...shape],
  data: Array.from(data, numberToWire),
});

/** The wire form of a case; what is absent stays absent. */
export function caseToWire(c: AttentionCase): WireCase {
  return caseToWireWith(c, tensorToWire);
}

/** The same, with every tensor put into words by `write`, which is told the tensor's name in the wire form. */
export function caseToWireWith<T>(c: AttentionCase, write: (tensor: Tensor, name: TensorName) => T): WireCase<T> {
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

const floatTypes: readonly FloatType[] = ['float64', 'float32', 'float16', 'bfloat16'];
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
export function caseFromWire(wire: unknown, at = 'case'): AttentionCase {
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

function tensor(wire: unknown, at: string, dtypes: readonly FloatType[], rank: number): FloatTensor;
function tensor(wire: unknown, at: string, dtypes: readonly ['bool'], rank: number): BoolTensor;
function tensor(wire: unknown, at: string, dtypes: readonly ['int64'], rank: number): IntTensor;
function tensor(wire: unknown, at: string, dtypes: readonly DType[], rank: number): Tensor {
  const w = record(wire, at);
  const dtype = oneOf(w.dtype, `${at}.dtype`, dtypes);
  if (!Array.isArray(w.shape) || !w.shape.every((n) => Number.isInteger(n) && n >= 0))
    throw new WireError(`${at}.shape is ${show(w.shape)}; it is a list of sizes, 0 or more.`);
  const shape = w.shape as readonly number[];
  if (shape.length !== rank) throw new WireError(`${at}.shape is ${show(shape)}; it has ${rank} axes.`);
  if (!Array.isArray(w.data)) throw new WireError(`${at}.data is ${show(w.data)}; it is a flat list of numbers.`);
  const size = shape.reduce((product, n) => product * n, 1);
  if (w.data.length !== size)
    throw new WireError(`${at}.data has ${w.data.length} numbers; shape ${show(shape)} holds ${size}.`);
  const data = w.data as readonly unknown[];
  if (dtype === 'bool') return { dtype, shape, data: Uint8Array.from(data, (x, n) => bit(x, `${at}.data[${n}]`)) };
  const numbers = Float64Array.from(data, (x, n) => numberFromWire(x, `${at}.data[${n}]`));
  if (dtype !== 'int64') return { dtype, shape, data: numbers };
  const odd = numbers.findIndex((x) => !Number.isInteger(x));
  if (odd >= 0) throw new WireError(`${at}.data[${odd}] is ${show(data[odd])}; it is a whole number.`);
  return { dtype, shape, data: numbers };
}

function bit(x: unknown, at: string): number {
  if (x === 0 || x === false) return 0;
  if (x === 1 || x === true) return 1;
  throw new WireError(`${at} is ${show(x)}; it is 0 or 1.`);
}

function record(wire: unknown, at: string): Readonly<Record<string, unknown>> {
  if (typeof wire !== 'object' || wire === null || Array.isArray(wire))
    throw new WireError(wire === undefined ? `${at} is missing.` : `${at} is ${show(wire)}; it is an object.`);
  return wire as Readonly<Record<string, unknown>>;
}

function oneOf<const T>(x: unknown, at: string, choices: readonly T[]): T {
  const found = choices.find((choice) => choice === x);
  if (found === undefined) throw new WireError(`${at} is ${show(x)}; it is one of ${choices.map(show).join(', ')}.`);
  return found;
}

function bool(x: unknown, at: string): boolean {
  if (typeof x !== 'boolean') throw new WireError(`${at} is ${show(x)}; it is true or false.`);
  return x;
}

function whole(x: unknown, at: string): number {
  if (typeof x !== 'number' || !Number.isInteger(x) || x < 0)
    throw new WireError(`${at} is ${show(x)}; it is a whole number, 0 or more.`);
  return x;
}

/** A value as it would stand in the file, cut to a readable length. */
function show(x: unknown): string {
  const text = JSON.stringify(x) ?? 'missing';
  return text.length > 60 ? `${text.slice(0, 57)}...` : text;
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
