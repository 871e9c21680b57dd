/** Between a backend and us: private copies of what goes out, a checked shape of what comes back. */
import { sizesOf, type AttentionCase, type FloatTensor, type Mask, type Tensor } from '../../reference/case';
import type { ResolvedSupports } from '../backend';
import type { Answer, Refusal } from '../property';

/** What one case came to: an answer, a refusal in the backend's words, or something that is neither. */
export type Result = Answer | Refusal | { readonly malformed: string };

const copied = <T extends Tensor>(t: T): T => ({ ...t, shape: t.shape.slice(), data: t.data.slice() });

/** A case of its own, so that a backend that writes into its inputs spoils nothing but its own copy. */
export function copyCase(c: AttentionCase): AttentionCase {
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

/** The tensors of a case by the names that reports use. */
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

/** The inputs whose bytes are no longer what was sent, by name. */
export function changedInputs(sent: AttentionCase, c: AttentionCase): string[] {
  const now = tensorsOf(sent);
  if (sent === c) return [];
  return tensorsOf(c)
    .filter(([, before], n) => before !== undefined && !sameBytes(before, now[n][1]))
    .map(([name]) => name);
}

function sameBytes(a: Tensor, b: Tensor | undefined): boolean {
  if (b === undefined || a.data.length !== b.data.length) return false;
  for (let n = 0; n < a.data.length; n++) if (!Object.is(a.data[n], b.data[n])) return false;
  return true;
}

/**
 * Judges what a backend gave for one case: dtype, shape and length of every tensor that was asked for.
 * `isOurs`: nobody else holds its numbers, so that they need not be copied.
 */
export function readAnswer(
  given: unknown,
  sent: AttentionCase,
  c: AttentionCase,
  supports: ResolvedSupports,
  isOurs = false,
): Result {
  if (typeof given !== 'object' || given === null)
    return { malformed: `answered ${describe(given)} where { output } is due` };
  const { error } = given as { error?: { type?: unknown; message?: unknown } };
  if (error !== undefined && error !== null)
    return { error: { type: text(error.type, 'Error'), message: text(error.message, describe(error)) } };
  const { batch, numHeads, qLen, kvLen, vHeadDim } = sizesOf(c);
  const cells = [batch, numHeads, qLen, kvLen];
  const shapes: [keyof Answer, readonly number[] | undefined][] = [
    ['output', [batch, numHeads, qLen, vHeadDim]],
    ['weights', c.want.weights && supports.returns.includes('weights') ? cells : undefined],
    ['scores', c.want.scores && supports.returns.includes('scores') ? cells : undefined],
  ];
  const answer: { -readonly [K in keyof Answer]?: unknown } = {
    // Comparing every input is dear, and few laws ask.
    get changed() {
      return changedBy(given, sent, c);
    },
  };
  for (const [name, shape] of shapes) {
    if (shape === undefined) continue;
    const tensor = readTensor((given as Record<string, unknown>)[name], name, c.query.dtype, shape, isOurs);
    if (typeof tensor === 'string') return { malformed: tensor };
    answer[name] = tensor;
  }
  if (c.want.gradients && supports.returns.includes('gradients')) {
    const gradients = readGradients((given as { gradients?: unknown }).gradients, c, isOurs);
    if (typeof gradients === 'string') return { malformed: gradients };
    answer.gradients = gradients;
  }
  return answer as Answer;
}

/** The inputs that changed: as we see our copies, and as a worker saw its own. */
function changedBy(given: object, sent: AttentionCase, c: AttentionCase): string[] {
  const { changed } = given as { changed?: unknown };
  const told = Array.isArray(changed) ? changed.filter((name) => typeof name === 'string') : [];
  return [...new Set([...changedInputs(sent, c), ...told])];
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

/** A tensor with numbers of its own, or the sentence that says what is wrong with it. */
function readTensor(
  given: unknown,
  name: string,
  dtype: FloatTensor['dtype'],
  shape: readonly number[],
  isOurs: boolean,
): FloatTensor | string {
  const due = () => `${dtype}[${shape.join(',')}]`;
  if (typeof given !== 'object' || given === null) return `answered ${name} ${describe(given)} where ${due()} is due`;
  const { dtype: type, shape: found, data } = given as { dtype?: unknown; shape?: unknown; data?: unknown };
  if (!isList(found)) return `answered ${name} without a shape; ${due()} is due`;
  const label = () => `${text(type, 'no dtype')}[${Array.from(found).join(',')}]`;
  if (type !== dtype || found.length !== shape.length || shape.some((size, n) => found[n] !== size))
    return `answered ${name} as ${label()} where ${due()} is due`;
  if (!isList(data)) return `answered ${name} with data ${describe(data)} where numbers are due`;
  const size = shape.reduce((a, b) => a * b, 1);
  if (data.length !== size) return `answered ${name} as ${label()} with ${data.length} numbers where ${size} are due`;
  if (!ArrayBuffer.isView(data) && !data.every((x) => typeof x === 'number'))
    return `answered ${name} with data that are not all numbers`;
  return { dtype, shape, data: isOurs && data instanceof Float64Array ? data : numbersOf(data) };
}

/** A copy: a backend may use its buffers again. */
function numbersOf(data: unknown): Float64Array {
  return data instanceof Float64Array ? data.slice() : Float64Array.from(data as ArrayLike<number>);
}

const isList = (x: unknown): x is unknown[] => Array.isArray(x) || (ArrayBuffer.isView(x) && !(x instanceof DataView));
const text = (x: unknown, otherwise: string): string => (typeof x === 'string' && x !== '' ? x : otherwise);

/** A value in a few words. */
export function describe(x: unknown): string {
  if (x === undefined || x === null) return String(x);
  if (typeof x === 'function') return '[Function]';
  if (typeof x === 'string') return JSON.stringify(x);
  if (typeof x === 'symbol') return x.toString();
  if (typeof x === 'number' || typeof x === 'bigint' || typeof x === 'boolean') return String(x);
  if (Array.isArray(x)) return `an array of ${x.length}`;
  if (x instanceof Promise) return 'a promise inside the list';
  return `{ ${Object.keys(x).join(', ')} }`;
}
