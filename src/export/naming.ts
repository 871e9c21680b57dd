/** What the exports in every language share: names for the tensors, what sets a call apart, and the words at the top of the file. */
import type { AttentionCase, Conventions, Tensor } from '../../reference/case';
import { sizesOf } from '../../reference/case';
import { sameBytes } from '../../reference/tensor';
import type { SavedAttention } from '../corpus/load';
import { caseLine } from '../report/case-line';
import { renderMask } from '../report/render-mask';
import { escapeControls } from '../report/style';
import { packageVersion } from '../version';
import { isPoisoned, type Call, type Claims } from './claims';

export type Role = 'query' | 'key' | 'value' | 'mask' | 'segments' | 'position_ids' | 'grad_output';
const roles: readonly Role[] = ['query', 'key', 'value', 'mask', 'segments', 'position_ids', 'grad_output'];

/** A tensor of one call or of several: 'key' in the first call, 'key_2' where another has other numbers. */
export interface Named {
  readonly name: string;
  readonly tensor: Tensor;
  /** Of a mask. */
  readonly layout?: AttentionCase['maskLayout'];
}

export interface NamedCall {
  readonly case: AttentionCase;
  /** Absent for calls that only come before. */
  readonly call?: Call;
  readonly tensors: Readonly<Partial<Record<Role, Named>>>;
  /** What sets it apart from the case itself: 'key_2, value_2'. */
  readonly apart: readonly string[];
}

export interface Names {
  readonly tensors: readonly Named[];
  readonly after: readonly NamedCall[];
  readonly calls: readonly NamedCall[];
}

function tensorsOf(c: AttentionCase): Readonly<Record<Role, Tensor | undefined>> {
  const { query, key, value, mask, segments, rotary, gradOutput: grad_output } = c;
  return { query, key, value, mask: mask?.tensor, segments, position_ids: rotary?.positionIds, grad_output };
}

/** Names every tensor; one that several calls share has one name. The law's own calls are named before those that come before them. */
export function namesOf({ case: c, after, calls }: Claims): Names {
  const tensors: Named[] = [];
  const counts = new Map<Role, Named[]>();
  const nameOf = (role: Role, tensor: Tensor, layout?: AttentionCase['maskLayout']): Named => {
    const known = counts.get(role) ?? [];
    const found = known.find((named) => named.layout === layout && sameBytes(named.tensor, tensor));
    if (found !== undefined) return found;
    const named = { name: known.length === 0 ? role : `${role}_${known.length + 1}`, tensor, layout };
    counts.set(role, [...known, named]);
    tensors.push(named);
    return named;
  };
  const namedIn = (c: AttentionCase) => {
    const given = tensorsOf(c);
    return Object.fromEntries(
      roles.flatMap((role) => {
        const tensor = given[role];
        return tensor === undefined ? [] : [[role, nameOf(role, tensor, role === 'mask' ? c.maskLayout : undefined)]];
      }),
    ) as NamedCall['tensors'];
  };
  const itself: NamedCall = { case: c, tensors: namedIn(c), apart: [] };
  const own = calls.map((call): NamedCall => ({ case: call.case, call, tensors: namedIn(call.case), apart: [] }));
  const before = after.map((c): NamedCall => ({ case: c, tensors: namedIn(c), apart: [] }));
  const sent = new Set([...own, ...before].flatMap((one) => Object.values(one.tensors)));
  return {
    tensors: tensors.filter((named) => sent.has(named)),
    after: before,
    calls: own.map((one) => ({ ...one, apart: apartFrom(itself, one) })),
  };
}

function apartFrom(first: NamedCall, one: NamedCall): string[] {
  const tensors = roles.flatMap((role) => {
    const [before, now] = [first.tensors[role], one.tensors[role]];
    if (before === now) return [];
    return [now === undefined ? `no ${role}` : now.name];
  });
  const { case: a } = first;
  const { case: b } = one;
  return [
    ...tensors,
    ...(a.isCausal === b.isCausal ? [] : [b.isCausal ? 'causal' : 'not causal']),
    ...(a.scale === b.scale ? [] : [`scale ${b.scale}`]),
    ...(a.softcap === b.softcap ? [] : [b.softcap === undefined ? 'no softcap' : `softcap ${b.softcap}`]),
    ...(JSON.stringify(a.slidingWindow) === JSON.stringify(b.slidingWindow)
      ? []
      : [b.slidingWindow ? 'another window' : 'no window']),
    ...(a.bridge === b.bridge ? [] : [`the ${b.bridge} bridge`]),
    ...(JSON.stringify(a.want) === JSON.stringify(b.want) ? [] : ['asking for other answers']),
  ];
}

/** 'a', 'a and b', 'a, b and c'. */
export function listed(items: readonly string[]): string {
  return items.length < 2 ? items.join('') : `${items.slice(0, -1).join(', ')} and ${items[items.length - 1]}`;
}

/** The finding in words, with its picture. Text of a backend's making is made harmless to a terminal, not yet to the language it is put into. */
export function headingOf(saved: SavedAttention, { property, supports, calls, after }: Claims): string[] {
  const { violation, versions, case: c } = saved;
  const known = Object.entries(versions).map(([library, version]) => `${library} ${version}`);
  const on = `${saved.backend}${known.length > 0 ? ` (${known.join(', ')})` : ''}`;
  const picture = {
    case: c,
    conventions: supports,
    rows: violation?.rows ?? [],
    leaked: violation?.cells ?? [],
    ignored: [],
  };
  return [
    `${property.id} does not hold on ${escapeControls(on)}.`,
    '',
    property.statement,
    ...(violation ? ['', escapeControls(violation.summary)] : []),
    '',
    `Smallest case: ${caseLine(c)}`,
    ...(after.length > 0 ? [`Only after ${after.length} other calls in the same process.`] : []),
    '',
    ...renderMask(picture, { ascii: false, color: false }),
    '',
    `The law makes ${calls.length === 1 ? 'one call' : `${calls.length} calls`} about it, which follow with what is due: the answer in float64, and how`,
    'far rounding may take a correct implementation from it. A row that is due to stay as it was is compared bit for bit.',
    `Written by maskproof ${packageVersion()}.`,
  ];
}

/** What the calls of a test use, so that nothing else is spoken of. */
export interface Uses {
  readonly mask: boolean;
  readonly ranks: readonly number[];
  readonly forms: readonly string[];
  /** isCausal is set. */
  readonly flagged: boolean;
  /** And no 4D mask overrules it. */
  readonly causal: boolean;
  readonly window: boolean;
  readonly segments: boolean;
  readonly softcap: boolean;
  readonly rotary: boolean;
  readonly scale: boolean;
  readonly groups: boolean;
  readonly weights: boolean;
  readonly scores: boolean;
  readonly gradients: boolean;
  readonly refused: boolean;
  readonly overlongKeys: boolean;
  readonly overlongRows: boolean;
  readonly mixedTypes: boolean;
  readonly emptyRows: boolean;
  readonly poison: boolean;
}

export function usesOf({ calls, after, property }: Claims): Uses {
  const all = [...calls.map((call) => call.case), ...after];
  const any = (test: (c: AttentionCase) => boolean) => all.some(test);
  const answered = calls.filter(({ refused }) => !refused).map((call) => call.case);
  const ruled = ({ mask }: AttentionCase) => mask?.rank !== 4;
  return {
    mask: any((c) => c.mask !== undefined),
    ranks: [...new Set(all.flatMap((c) => (c.mask ? [c.mask.rank] : [])))],
    forms: [...new Set(all.flatMap((c) => (c.mask ? [c.mask.form] : [])))],
    flagged: any((c) => c.isCausal),
    causal: any((c) => c.isCausal && ruled(c)),
    window: any((c) => c.slidingWindow !== undefined),
    segments: any((c) => c.segments !== undefined),
    softcap: any((c) => c.softcap !== undefined),
    rotary: any((c) => c.rotary !== undefined),
    scale: any((c) => !isDefaultScale(c)),
    groups: any((c) => sizesOf(c).numKvHeads < sizesOf(c).numHeads),
    weights: any((c) => c.want.weights === true),
    scores: any((c) => c.want.scores === true),
    gradients: calls.some(({ gradients }) => gradients !== undefined),
    refused: calls.some(({ refused }) => refused),
    overlongKeys: answered.some((c) => c.mask !== undefined && (c.mask.tensor.shape.at(-1) ?? 0) > sizesOf(c).kvLen),
    overlongRows: answered.some(
      (c) => c.mask !== undefined && c.mask.rank > 2 && (c.mask.tensor.shape.at(-2) ?? 0) > sizesOf(c).qLen,
    ),
    mixedTypes: any((c) => c.mask?.form === 'additive' && c.mask.tensor.dtype !== c.query.dtype),
    emptyRows: property.id === 'rows/fully-masked',
    poison: any(isPoisoned),
  };
}

export const isDefaultScale = (c: AttentionCase): boolean => c.scale === 1 / Math.sqrt(sizesOf(c).headDim);

/** Where query i stands among the keys, in words. */
export const alignmentOf = ({ causal }: Conventions): string => (causal === 'top_left' ? 'i' : 'i + kv_len - q_len');

/** A name for a test or a file: 'padding/no-influence' becomes 'padding_no_influence'. */
export const slug = (id: string, by: string): string => id.replaceAll(/[^A-Za-z0-9]+/g, by);
