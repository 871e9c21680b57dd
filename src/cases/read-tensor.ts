/** Judging a tensor that a backend gave, in whatever form it gave it. */
import type { FloatTensor } from '../../reference/case';

/** A tensor with numbers of its own, or the sentence that says what is wrong with it. */
export function readTensor(
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
export const text = (x: unknown, otherwise: string): string => (typeof x === 'string' && x !== '' ? x : otherwise);

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
