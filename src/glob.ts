/** Whether an id matches a pattern: `*` stands for any characters, everything else for itself. */
export function matchesGlob(id: string, pattern: string): boolean {
  const source = pattern
    .split('*')
    .map((text) => text.replaceAll(/[\\^$.|?+()[\]{}]/g, '\\$&'))
    .join('.*');
  return new RegExp(`^${source}$`).test(id);
}
