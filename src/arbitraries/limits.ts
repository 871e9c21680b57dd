import type { FloatType } from '../../reference/case';
import { contentKinds, maskKinds, type CaseConstraints, type Presence } from './constraints';

/** Constraints with the defaults filled in: all kinds of everything, but over-long masks, which mean nothing without a convention. */
export type Limits = Required<CaseConstraints>;

const choices = {
  dtypes: ['float32', 'float64', 'float16', 'bfloat16'] satisfies FloatType[],
  bridges: ['base', 'rotary'],
  maskRanks: ['none', 2, 3, 4],
  maskForms: ['boolean', 'additive', 'integer'],
  sentinels: ['finfo', 'inf'],
  kinds: maskKinds,
  contents: contentKinds,
  isCausal: [true, false],
} as const;
const presences = [
  'bias',
  'emptyRows',
  'groupedHeads',
  'cache',
  'crossLength',
  'valueDim',
  'scale',
  'slidingWindow',
  'segments',
  'softcap',
  'broadcast',
  'overlongKeys',
  'overlongRows',
] as const;
const maxima = ['maxBatch', 'maxHeads', 'maxQLen', 'maxKvLen', 'minKvLen', 'maxHeadDim'] as const;
const alignments = ['bottom_right', 'top_left', 'none'];

const resolved = new WeakMap<CaseConstraints, Limits>();

/** Fills in the defaults, once an object. Throws a RangeError that names the field and its value where one is out of range. */
export function limitsOf(constraints: CaseConstraints): Limits {
  const known = resolved.get(constraints);
  if (known !== undefined) return known;
  const given: Record<string, unknown> = { ...constraints };
  const limits: Record<string, unknown> = { want: {}, causal: 'bottom_right' };
  for (const name of presences) limits[name] = name.startsWith('overlong') ? 'never' : 'allow';
  for (const name of maxima) limits[name] = name === 'minKvLen' ? 1 : Infinity;
  for (const [name, value] of Object.entries({ ...choices, ...given })) {
    if (value === undefined) limits[name] ??= (choices as Record<string, unknown>)[name];
    else limits[name] = checked(name, value);
  }
  const result = limits as unknown as Limits;
  if (result.minKvLen > result.maxKvLen)
    throw new RangeError(`minKvLen=${result.minKvLen}: must be at most maxKvLen=${result.maxKvLen}`);
  resolved.set(constraints, result);
  return result;
}

function checked(name: string, value: unknown): unknown {
  if (name in choices) return checkedChoices(name as keyof typeof choices, value);
  if ((presences as readonly string[]).includes(name))
    return oneOf(name, value, ['never', 'allow', 'always'] satisfies Presence[]);
  if ((maxima as readonly string[]).includes(name)) {
    if (!Number.isInteger(value) && value !== Infinity)
      throw new RangeError(`${name}=${JSON.stringify(value)}: must be a whole number`);
    if ((value as number) < 1) throw new RangeError(`${name}=${String(value)}: must be at least 1`);
    return value;
  }
  if (name === 'causal') return oneOf(name, value, alignments);
  if (name === 'want') return value;
  throw new RangeError(`${name}=${JSON.stringify(value)}: no such constraint`);
}

function checkedChoices(name: keyof typeof choices, value: unknown): unknown {
  if (!Array.isArray(value)) throw new RangeError(`${name}=${JSON.stringify(value)}: must be a list`);
  const all: readonly unknown[] = choices[name];
  for (const one of value) oneOf(name, one, all);
  return value;
}

function oneOf(name: string, value: unknown, all: readonly unknown[]): unknown {
  if (!all.includes(value))
    throw new RangeError(
      `${name}=${JSON.stringify(value)}: must be one of ${all.map((x) => JSON.stringify(x)).join(', ')}`,
    );
  return value;
}
