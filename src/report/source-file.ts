/** Where a finding belongs: the adapter's own file, where the backend came from one. */
import { isAbsolute, relative, resolve, sep } from 'node:path';

/** The file that a backend's specification names, relative to `root` and with forward slashes; undefined for a built-in one, a command, or a file elsewhere. */
export function sourceFile(spec: string, root: string): string | undefined {
  const path = pathIn(spec);
  if (path === undefined) return undefined;
  const inside = relative(root, resolve(path));
  return inside === '' || inside.startsWith('..') || isAbsolute(inside) ? undefined : inside.split(sep).join('/');
}

function pathIn(spec: string): string | undefined {
  if (spec.startsWith('exec:')) return undefined;
  if (spec.startsWith('python:')) return /^python:(.+?\.py)(?::|$)/.exec(spec)?.[1];
  return isAbsolute(spec) || spec.includes('/') || /\.[cm]?[jt]sx?$/.test(spec) ? spec : undefined;
}
