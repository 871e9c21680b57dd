/** Which backends a command speaks to, and what becomes of those that do not load. */
import { usualBuiltins } from '../backends/builtin';
import { loadBackend } from '../backends/load';
import type { Backend } from '../backend';
import { BackendError, UsageError } from '../errors';

export interface Loaded {
  readonly spec: string;
  readonly backend: Backend;
}
export interface Unloaded {
  readonly spec: string;
  readonly error: BackendError;
}

/** Loads what was asked for; a backend that does not load is told apart and not thrown. */
export async function loadBackends(
  specs: readonly string[],
  check: boolean,
): Promise<{ loaded: Loaded[]; unloaded: Unloaded[] }> {
  const loaded: Loaded[] = [];
  const unloaded: Unloaded[] = [];
  for (const spec of new Set(specs)) {
    try {
      loaded.push({ spec, backend: await loadBackend(spec, { check }) });
    } catch (error) {
      if (!(error instanceof BackendError)) throw error;
      unloaded.push({ spec, error });
    }
  }
  refuseSameNames(loaded);
  return { loaded, unloaded };
}

/** Every built-in backend that loads here, and why the others do not. */
export function loadBuiltins(): Promise<{ loaded: Loaded[]; unloaded: Unloaded[] }> {
  return loadBackends(usualBuiltins, false);
}

function refuseSameNames(loaded: readonly Loaded[]): void {
  for (const [n, { spec, backend }] of loaded.entries()) {
    const other = loaded.slice(0, n).find((earlier) => earlier.backend.name === backend.name);
    if (other !== undefined)
      throw new UsageError('same_name', {
        what: `${other.spec} and ${spec} both call themselves ${JSON.stringify(backend.name)}.`,
        mend: 'Give one of them another name: reports and known failures tell backends apart by it.',
      });
  }
}
