/** What a backend calls itself and its libraries: said with every law, so it is short. */

const MAX_NAME = 200;

/** What is wrong with a backend's name or versions, as the end of a sentence; undefined where nothing is. */
export function identityProblem(name: unknown, versions: unknown = {}): string | undefined {
  if (typeof name !== 'string' || name === '') return 'name is missing.';
  if (name.length > MAX_NAME) return `its name has ${name.length} characters; it has at most ${MAX_NAME}.`;
  if (typeof versions !== 'object' || versions === null || Array.isArray(versions))
    return 'versions is no object of texts.';
  for (const [library, version] of Object.entries(versions)) {
    if (typeof version !== 'string') return `versions.${library.slice(0, MAX_NAME)} is no text.`;
    const longest = Math.max(library.length, version.length);
    if (longest > MAX_NAME) return `a library or its version has ${longest} characters; it has at most ${MAX_NAME}.`;
  }
  return undefined;
}
