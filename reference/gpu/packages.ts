/** Packages that only one engine or backend needs: loaded when it is asked for, and a missing one is said by name. */
import { createRequire } from 'node:module';

const requireHere = createRequire(__filename);

/** A package that is optional and not installed. */
export class MissingPackageError extends Error {
  readonly code = 'MISSING_PACKAGE';
  constructor(name: string, purpose: string, how: { mend?: string; cause?: unknown } = {}) {
    const { mend = `Install it: npm install --save-dev ${name}`, cause } = how;
    super(`The package ${name} is not installed; ${purpose} needs it.\n  ${mend}`, { cause });
    this.name = 'MissingPackageError';
  }
}

/** Loads an optional package; where it is missing, says which, what for, and how to install it. Any other error of loading is its own. */
export function requirePackage<T>(name: string, purpose: string): T {
  return orMissing(name, purpose, () => requireHere(name) as T);
}

/** The file that an optional package is loaded from. */
export function resolvePackage(name: string, purpose: string): string {
  return orMissing(name, purpose, () => requireHere.resolve(name));
}

/** The version in an optional package's own package.json. */
export function versionOf(name: string, purpose: string): string {
  return orMissing(name, purpose, () => (requireHere(`${name}/package.json`) as { version: string }).version);
}

function orMissing<T>(name: string, purpose: string, load: () => T): T {
  try {
    return load();
  } catch (cause) {
    // A package that is there but lacks one of its own dependencies is another story: that error names what is missing.
    if (isNotFound(cause) && cause.message.startsWith(`Cannot find module '${name}`))
      throw new MissingPackageError(name, purpose, { cause });
    throw cause;
  }
}

function isNotFound(error: unknown): error is Error {
  return error instanceof Error && 'code' in error && error.code === 'MODULE_NOT_FOUND';
}
