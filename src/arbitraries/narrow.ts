import type { CaseConstraints, Presence } from './constraints';

/**
 * The cases that belong to both. `never` beats everything and `always` beats `allow`; lists intersect, in the order of `wanted`;
 * maxima take the smaller, `minKvLen` the larger; what either wants back is wanted. `emptiness` says whether anything is left.
 */
export function narrow(domain: CaseConstraints, wanted: CaseConstraints): CaseConstraints {
  const result: Record<string, unknown> = { ...domain };
  for (const [name, value] of Object.entries(wanted)) {
    if (value !== undefined) result[name] = result[name] === undefined ? value : both(name, result[name], value);
  }
  return result;
}

function both(name: string, a: unknown, b: unknown): unknown {
  if (Array.isArray(a) && Array.isArray(b)) return b.filter((x) => a.includes(x));
  if (name === 'minKvLen') return Math.max(a as number, b as number);
  if (typeof a === 'number') return Math.min(a, b as number);
  if (name === 'want') return { ...(a as object), ...(b as object) };
  // Where causality is read from is a fact about the backend, not a wish.
  if (name === 'causal') return a;
  return stronger(a as Presence, b as Presence);
}

function stronger(a: Presence, b: Presence): Presence {
  if (a === 'never' || b === 'never') return 'never';
  return a === 'always' || b === 'always' ? 'always' : 'allow';
}
