/** What a backend declares: defaults, validation, and what follows from it for properties and cases. */
import type { FloatType } from '../reference/case';
import { defaultPrecision, type Precision } from '../reference/precision';
import type { CaseConstraints, Presence } from './arbitraries/constraints';
import type { Ability, ModelSupports, ResolvedSupports, Supports } from './backend';
import { didYouMean } from './nearest';
import type { Needs } from './property';

const bridges = ['base', 'rotary'];
const dtypes = ['float64', 'float32', 'float16', 'bfloat16'];
const forms = ['boolean', 'additive', 'integer'];
const emptyRows = ['zeros', 'uniform', 'nan', 'unspecified'];
const bool = [true, false];

/** Field by field: what may stand there. A list is a choice of one, `each` a list of choices; the rest are checked by hand. */
const fields: Readonly<Record<keyof Supports, { one?: readonly unknown[]; each?: readonly unknown[] }>> = {
  bridges: { each: bridges },
  dtypes: { each: dtypes },
  maskRanks: { each: [2, 3, 4] },
  maskForms: { each: forms },
  causal: { one: ['none', 'bottom_right', 'top_left'] },
  bidirectional: { one: bool },
  fullyMaskedRow: {},
  scoreSentinel: { one: ['finfo_min', '-inf'] },
  overlongKeys: { one: ['refused', 'trimmed'] },
  overlongRows: { one: ['error', 'first', 'last', 'position'] },
  groupedHeads: { one: bool },
  cache: { one: bool },
  crossLength: { one: bool },
  valueDim: { one: bool },
  scale: { one: bool },
  slidingWindow: { one: bool },
  segments: { one: bool },
  softcap: { one: bool },
  layouts: { one: bool },
  returns: { each: ['output', 'weights', 'scores', 'gradients'] },
  poison: {},
  bitwise: { one: ['same_shape', 'always', 'never'] },
  deterministic: { one: bool },
  precision: {},
  model: {},
};

/** The same for what a whole model declares; all of it is due. */
const modelFields: Readonly<
  Record<keyof ModelSupports, { one?: readonly unknown[]; each?: readonly unknown[]; count?: true }>
> = {
  vocab: { count: true },
  maxLength: { count: true },
  dtypes: { each: dtypes },
  masks: { each: ['boolean', 'integer', 'float'] },
  explicitMasks: { each: ['boolean', 'additive'] },
  positionIds: { one: bool },
  positions: { one: ['mask', 'distance', 'left', 'index'] },
  slidingWindow: { one: bool },
  cache: { one: bool },
  gradients: { one: bool },
  bitwise: { one: bool },
};

/** The first thing that is wrong with what a backend declares, as a sentence; undefined where nothing is. */
export function supportsProblem(supports: unknown): string | undefined {
  if (typeof supports !== 'object' || supports === null) return `supports is ${String(supports)}, not an object.`;
  for (const [field, value] of Object.entries(supports)) {
    if (!(field in fields)) return `supports.${field} is not a field.${didYouMean(field, Object.keys(fields))}`;
    if (value === undefined) continue;
    const problem = fieldProblem(field as keyof Supports, value);
    if (problem !== undefined) return problem;
  }
  return undefined;
}

function fieldProblem(field: keyof Supports, value: unknown): string | undefined {
  const problem = choiceProblem(`supports.${field}`, fields[field], value);
  if (problem !== undefined) return problem;
  if (field === 'model') return modelProblem(value);
  if (field === 'fullyMaskedRow') {
    const byForm = typeof value === 'object' && value !== null ? Object.entries(value) : [['boolean', value]];
    for (const [form, contract] of byForm) {
      if (!['boolean', 'finfo', 'inf'].includes(form as string))
        return `supports.fullyMaskedRow.${String(form)} is not a form; the forms are boolean, finfo, inf.`;
      if (!emptyRows.includes(contract as string))
        return `supports.fullyMaskedRow is ${show(contract)}; it is one of ${emptyRows.map(show).join(', ')}, or one per form (boolean, finfo, inf).`;
    }
  }
  if ((field === 'poison' || field === 'precision') && (typeof value !== 'object' || value === null))
    return `supports.${field} is ${show(value)}, not an object.`;
  if (field === 'precision') {
    const odd = Object.keys(value as object).find((dtype) => !dtypes.includes(dtype));
    if (odd !== undefined) return `supports.precision.${odd} is not a dtype; the dtypes are ${dtypes.join(', ')}.`;
  }
  return undefined;
}

function choiceProblem(
  name: string,
  { one, each }: { one?: readonly unknown[]; each?: readonly unknown[] },
  value: unknown,
): string | undefined {
  if (one !== undefined && !one.includes(value))
    return `${name} is ${show(value)}; it is one of ${one.map(show).join(', ')}.`;
  if (each === undefined) return undefined;
  if (!Array.isArray(value)) return `${name} is ${show(value)}; it is a list of ${each.map(show).join(', ')}.`;
  const odd: unknown = value.find((x) => !each.includes(x));
  return odd === undefined ? undefined : `${name} holds ${show(odd)}; it is a list of ${each.map(show).join(', ')}.`;
}

function modelProblem(value: unknown): string | undefined {
  if (typeof value !== 'object' || value === null) return `supports.model is ${show(value)}, not an object.`;
  const odd = Object.keys(value).find((field) => !(field in modelFields));
  if (odd !== undefined) return `supports.model.${odd} is not a field.${didYouMean(odd, Object.keys(modelFields))}`;
  for (const [field, choices] of Object.entries(modelFields)) {
    const found = (value as Record<string, unknown>)[field];
    if (choices.count && !(Number.isInteger(found) && (found as number) > 1))
      return `supports.model.${field} is ${show(found)}; it is a whole number above 1.`;
    const problem = choiceProblem(`supports.model.${field}`, choices, found);
    if (problem !== undefined) return problem;
  }
  return undefined;
}

const show = (value: unknown): string => JSON.stringify(value) ?? String(value);

/** Fills in the defaults of product.md. The input has passed `supportsProblem`. */
export function resolveSupports(supports: Partial<Supports>): ResolvedSupports {
  const declared = (Object.keys(supports) as (keyof Supports)[]).filter((field) => supports[field] !== undefined);
  const causal = supports.causal ?? 'none';
  const row = supports.fullyMaskedRow ?? 'unspecified';
  const perForm = typeof row === 'string' ? { boolean: row, finfo: row, inf: row } : row;
  return {
    bridges: supports.bridges ?? ['base'],
    dtypes: supports.dtypes ?? ['float32'],
    maskRanks: supports.maskRanks ?? [],
    maskForms: supports.maskForms ?? ['boolean'],
    causal,
    bidirectional: supports.bidirectional ?? causal === 'none',
    fullyMaskedRow: { boolean: 'unspecified', finfo: 'unspecified', inf: 'unspecified', ...perForm },
    scoreSentinel: supports.scoreSentinel,
    overlongKeys: supports.overlongKeys ?? 'refused',
    overlongRows: supports.overlongRows ?? 'error',
    groupedHeads: supports.groupedHeads ?? false,
    cache: supports.cache ?? false,
    crossLength: supports.crossLength ?? false,
    valueDim: supports.valueDim ?? false,
    scale: supports.scale ?? false,
    slidingWindow: supports.slidingWindow ?? false,
    segments: supports.segments ?? false,
    softcap: supports.softcap ?? false,
    layouts: supports.layouts ?? false,
    returns: supports.returns ?? ['output'],
    poison: supports.poison,
    bitwise: supports.bitwise ?? 'same_shape',
    deterministic: supports.deterministic ?? true,
    precision: supports.precision ?? {},
    ...(supports.model && { model: supports.model }),
    declared,
  };
}

/** How a backend computes in a dtype: as declared, else the default of docs/numerics.md. */
export function precisionOf(supports: ResolvedSupports, dtype: FloatType): Precision {
  return supports.precision[dtype] ?? defaultPrecision(dtype);
}

/** All the cases that a backend declares it can take. Over-long masks are left to the property that is about them. */
export function domainOf(supports: ResolvedSupports): CaseConstraints {
  const may = (yes: boolean): Presence => (yes ? 'allow' : 'never');
  const { causal, bidirectional } = supports;
  const isCausal = [...(causal === 'none' ? [] : [true]), ...(bidirectional || causal === 'none' ? [false] : [])];
  const forms = supports.maskForms.filter((form) => form !== 'integer' || supports.maskRanks.includes(2));
  return {
    dtypes: supports.dtypes,
    bridges: supports.bridges,
    maskRanks: ['none', ...(forms.length > 0 ? supports.maskRanks : [])],
    maskForms: forms,
    isCausal,
    causal,
    emptyRows: 'allow',
    bias: 'allow',
    groupedHeads: may(supports.groupedHeads),
    cache: may(supports.cache),
    // q_len > kv_len is never causal.
    crossLength: may(supports.crossLength && isCausal.includes(false)),
    valueDim: may(supports.valueDim),
    scale: may(supports.scale),
    slidingWindow: may(supports.slidingWindow),
    segments: may(supports.segments),
    softcap: may(supports.softcap),
    broadcast: 'allow',
    overlongKeys: 'never',
    overlongRows: 'never',
    want: {},
  };
}

const abilityWords: Readonly<Record<Ability, string>> = {
  groupedHeads: 'grouped heads',
  cache: 'q_len < kv_len',
  crossLength: 'q_len > kv_len',
  valueDim: 'v_head_dim other than head_dim',
  scale: 'a scale of its own',
  slidingWindow: 'a sliding window',
  segments: 'segments',
  softcap: 'a softcap',
  layouts: 'masks given as views',
};

/** Why a property cannot be asked of a backend: one sentence, or undefined where it can. */
export function unmet(needs: Needs, supports: ResolvedSupports): string | undefined {
  const {
    anyRank,
    forms: wanted = [],
    bridges: crossed = [],
    causal,
    bidirectional,
    abilities = [],
    returns = [],
    other,
  } = needs;
  if (anyRank !== undefined && !anyRank.some((rank) => supports.maskRanks.includes(rank)))
    return `declares no mask of rank ${anyRank.join(' or ')}`;
  const form = wanted.find((x) => !supports.maskForms.includes(x));
  if (form !== undefined) return `does not declare ${form} masks`;
  const bridge = crossed.find((x) => !supports.bridges.includes(x));
  if (bridge !== undefined) return `does not declare the ${bridge} bridge`;
  if (causal !== undefined && !(causal as readonly string[]).includes(supports.causal))
    return supports.causal === 'none'
      ? 'declares no causal masking of its own'
      : `declares causal ${supports.causal}, not ${causal.join(' or ')}`;
  if (bidirectional && !supports.bidirectional) return 'does not declare that it runs without causality';
  const ability = abilities.find((x) => !supports[x]);
  if (ability !== undefined) return `does not declare ${abilityWords[ability]}`;
  const missing = returns.find((x) => !supports.returns.includes(x));
  if (missing !== undefined) return `does not return ${missing}`;
  return other?.(supports);
}

const missing = (have: readonly (string | number)[], all: readonly (string | number)[]) =>
  all.filter((x) => !have.includes(x));
const list = (what: string, items: readonly (string | number)[]) =>
  items.length > 0 ? [`${what} ${items.join(', ')}`] : [];

/** Everything that a backend leaves undeclared, in words, for the end of a report. */
export function undeclared(supports: ResolvedSupports): string[] {
  if (supports.model !== undefined) return undeclaredByModel(supports.model);
  return [
    ...list('bridge', missing(supports.bridges, bridges)),
    ...list('dtype', missing(supports.dtypes, dtypes)),
    ...list('mask rank', missing(supports.maskRanks, [2, 3, 4])),
    ...list('mask form', missing(supports.maskForms, forms)),
    ...(supports.causal === 'none' ? ['causal masking of its own'] : supports.bidirectional ? [] : ['isCausal false']),
    ...(Object.keys(abilityWords) as Ability[]).filter((x) => !supports[x]).map((x) => abilityWords[x]),
    ...list('answer', missing(supports.returns, ['output', 'weights', 'scores', 'gradients'])),
  ];
}

function undeclaredByModel({ masks, explicitMasks, positionIds, cache, gradients }: ModelSupports): string[] {
  return [
    ...list('2D mask', missing(masks, ['boolean', 'integer', 'float'])),
    ...list('explicit mask', missing(explicitMasks, ['boolean', 'additive'])),
    ...(positionIds ? [] : ['position_ids']),
    ...(cache ? [] : ['decoding with a cache']),
    ...(gradients ? [] : ['answer gradients']),
  ];
}
