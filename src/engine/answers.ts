/** Between a backend and us: private copies of what goes out, a checked shape of what comes back. */
import type { Tensor } from '../../reference/case';
import type { Case } from '../../reference/model-case';
import type { ResolvedSupports } from '../backend';
import { kindOf } from '../cases';
import type { Result } from '../cases/kind';
import { describe, text } from '../cases/read-tensor';

/** The inputs whose bytes are no longer what was sent, by name. */
function changedInputs(sent: Case, c: Case): string[] {
  if (sent === c) return [];
  const kind = kindOf(c);
  const now = kind.tensorsOf(sent);
  return kind
    .tensorsOf(c)
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
export function readAnswer(given: unknown, sent: Case, c: Case, supports: ResolvedSupports, isOurs = false): Result {
  if (typeof given !== 'object' || given === null)
    return { malformed: `answered ${describe(given)} where { output } is due` };
  const { error } = given as { error?: { type?: unknown; message?: unknown } };
  if (error !== undefined && error !== null)
    return { error: { type: text(error.type, 'Error'), message: text(error.message, describe(error)) } };
  return kindOf(c).read(given, c, supports, { isOurs, changed: () => changedBy(given, sent, c) });
}

/** The inputs that changed: as we see our copies, and as a worker saw its own. */
function changedBy(given: object, sent: Case, c: Case): string[] {
  const { changed } = given as { changed?: unknown };
  const told = Array.isArray(changed) ? changed.filter((name) => typeof name === 'string') : [];
  return [...new Set([...changedInputs(sent, c), ...told])];
}
