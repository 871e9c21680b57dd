/** Single attention calls. */
import { sizesOf, type AttentionCase, type FloatTensor, type Mask, type Tensor } from '../../reference/case';
import { admits } from '../arbitraries/admits';
import { attentionCase } from '../arbitraries/attention-case';
import { withOtherContents } from '../arbitraries/contents';
import { describeCase } from '../arbitraries/describe';
import { emptiness } from '../arbitraries/emptiness';
import { isReachable } from '../arbitraries/reachable';
import type { ResolvedSupports } from '../backend';
import { judgeProbe, probeCases, readProbe } from '../compare/probe';
import type { Answer, AttentionProperty, PropertyContext } from '../property';
import { domainOf, unmet } from '../supports';
import type { CaseKind, Reading, Result } from './kind';
import { describe, readTensor } from './read-tensor';

export const attention: CaseKind = {
  name: 'attention',
  unmet: (property: AttentionProperty, supports) =>
    supports.model === undefined
      ? unmet(property.needs, supports)
      : 'answers for a whole model, and for no single attention call',
  emptiness: (property: AttentionProperty, supports) => emptiness(casesOf(property, supports)),
  arbitrary: (property: AttentionProperty, supports) => attentionCase(casesOf(property, supports)),
  admits: (property: AttentionProperty, supports, c: AttentionCase) => admits(casesOf(property, supports), c),
  reachable(property: AttentionProperty, supports) {
    const constraints = casesOf(property, supports);
    return (facets) => isReachable(constraints, facets);
  },
  copy,
  tensorsOf,
  read,
  describe: (c: AttentionCase, causal) => describeCase(c, causal),
  sizes(c: AttentionCase) {
    const { batch, numHeads, qLen, kvLen, headDim } = sizesOf(c);
    return { batch, num_heads: numHeads, q_len: qLen, kv_len: kvLen, head_dim: headDim };
  },
  withOtherContents: (c: AttentionCase, number) => withOtherContents(c, number),
  async probe(context: PropertyContext, c: AttentionCase) {
    const answers = await context.attend(probeCases(c, context.supports));
    const { leaked, ignored } = judgeProbe(context, c, readProbe(c, answers));
    return { leaked, ignored };
  },
};

const casesOf = (property: AttentionProperty, supports: ResolvedSupports) =>
  property.cases(domainOf(supports), supports);

const copied = <T extends Tensor>({ dtype, shape, data }: T): T =>
  ({ dtype, shape: shape.slice(), data: data.slice() }) as unknown as T;

function copy(c: AttentionCase): AttentionCase {
  return {
    ...c,
    query: copied(c.query),
    key: copied(c.key),
    value: copied(c.value),
    ...(c.mask && { mask: { ...c.mask, tensor: copied(c.mask.tensor) } as Mask }),
    ...(c.rotary && { rotary: { ...c.rotary, positionIds: copied(c.rotary.positionIds) } }),
    ...(c.segments && { segments: copied(c.segments) }),
    ...(c.gradOutput && { gradOutput: copied(c.gradOutput) }),
  };
}

function tensorsOf(c: AttentionCase): [string, Tensor | undefined][] {
  return [
    ['query', c.query],
    ['key', c.key],
    ['value', c.value],
    ['mask', c.mask?.tensor],
    ['position_ids', c.rotary?.positionIds],
    ['segments', c.segments],
    ['grad_output', c.gradOutput],
  ];
}

function read(given: object, c: AttentionCase, supports: ResolvedSupports, { isOurs, changed }: Reading): Result {
  const { batch, numHeads, qLen, kvLen, vHeadDim } = sizesOf(c);
  const answer: { -readonly [K in keyof Answer]?: unknown } = {
    get changed() {
      return changed();
    },
  };
  /** Reads one part; the sentence that says what is wrong with it. */
  const put = (name: keyof Answer, lastAxis: number): string | undefined => {
    const shape = [batch, numHeads, qLen, lastAxis];
    const tensor = readTensor((given as Record<string, unknown>)[name], name, c.query.dtype, shape, isOurs);
    if (typeof tensor === 'string') return tensor;
    answer[name] = tensor;
    return undefined;
  };
  const isDue = (name: 'weights' | 'scores') => c.want[name] && supports.returns.includes(name);
  const malformed =
    put('output', vHeadDim) ??
    (isDue('weights') ? put('weights', kvLen) : undefined) ??
    (isDue('scores') ? put('scores', kvLen) : undefined);
  if (malformed !== undefined) return { malformed };
  if (c.want.gradients && supports.returns.includes('gradients')) {
    const gradients = readGradients((given as { gradients?: unknown }).gradients, c, isOurs);
    if (typeof gradients === 'string') return { malformed: gradients };
    answer.gradients = gradients;
  }
  return answer as Answer;
}

function readGradients(given: unknown, c: AttentionCase, isOurs: boolean): Answer['gradients'] | string {
  if (typeof given !== 'object' || given === null)
    return `answered gradients ${describe(given)} where { query, key, value } are due`;
  const read: Record<string, FloatTensor> = {};
  for (const name of ['query', 'key', 'value'] as const) {
    const tensor = readTensor(
      (given as Record<string, unknown>)[name],
      `gradients.${name}`,
      c.query.dtype,
      c[name].shape,
      isOurs,
    );
    if (typeof tensor === 'string') return tensor;
    read[name] = tensor;
  }
  return read as Answer['gradients'];
}
