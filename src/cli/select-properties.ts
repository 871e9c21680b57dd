/** Which properties the command line names. */
import { UsageError } from '../errors';
import { matchesGlob } from '../glob';
import { didYouMean } from '../nearest';
import type { Property } from '../property';

/** The properties that the patterns name, in the list's own order; all of them where there is no pattern. */
export function selectProperties(patterns: readonly string[], properties: readonly Property[]): readonly Property[] {
  const ids = properties.map(({ id }) => id);
  for (const pattern of patterns)
    if (!ids.some((id) => matchesGlob(id, pattern)))
      throw new UsageError('unknown_property', {
        what: `There is no property ${JSON.stringify(pattern)}.${didYouMean(pattern, ids)}`,
        mend: 'maskproof list prints them.',
      });
  return patterns.length === 0
    ? properties
    : properties.filter(({ id }) => patterns.some((pattern) => matchesGlob(id, pattern)));
}

/** The one property of that id. */
export function propertyNamed(id: string, properties: readonly Property[]): Property {
  const found = properties.find((property) => property.id === id);
  if (found === undefined) return selectProperties([id.replaceAll('*', '?')], properties)[0];
  return found;
}
