/** Whether an id matches a pattern: `*` stands for any characters, everything else for itself. */
export function matchesGlob(id: string, pattern: string): boolean {
  const source = pattern
    .split('*')
    .map((text) => text.replaceAll(/[\\^$.|?+()[\]{}]/g, '\\$&'))
    .join('.*');
  return new RegExp(`^${source}$`).test(id);
}

/** Whether it may match more than one id. */
export function isPattern(pattern: string): boolean {
  return pattern.includes('*');
}
