/** Packages that only one backend needs: a missing one is a BackendError that says which, and how to install it. */
import { MissingPackageError, requirePackage, versionOf } from '../../reference/gpu/engines';
import { BackendError } from '../errors';

/** Loads a package for a backend. */
export function loadOptional<T>(name: string, backend: string): T {
  return asLoadError(backend, () => requirePackage<T>(name, `the backend ${backend}`));
}

/** The version of an installed package. */
export function optionalVersion(name: string, backend: string): string {
  return asLoadError(backend, () => versionOf(name, `the backend ${backend}`));
}

/** Makes a missing package an error of loading that backend. */
export function asLoadError<T>(backend: string, load: () => T): T {
  try {
    return load();
  } catch (error) {
    if (!(error instanceof MissingPackageError)) throw error;
    throw loadError(error, 'missing_package', backend, error.message);
  }
}

/** What kept a backend from loading, under the name of its own class. */
export function loadError(cause: unknown, code: string, backend: string, message: string): BackendError {
  const type = cause instanceof Error ? cause.name : 'EngineError';
  return new BackendError({ type, code, stage: 'load', backend }, message, { cause });
}
