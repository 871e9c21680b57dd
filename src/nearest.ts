import { closest, distance } from 'fastest-levenshtein';

/** The candidate that somebody most likely meant, or undefined where none is near. */
export function nearest(word: string, candidates: readonly string[]): string | undefined {
  if (candidates.length === 0) return undefined;
  const best = closest(word, candidates);
  return distance(word, best) <= Math.max(2, Math.ceil(best.length / 3)) ? best : undefined;
}

/** ' Did you mean "x"?', or nothing. */
export function didYouMean(word: string, candidates: readonly string[]): string {
  const best = nearest(word, candidates);
  return best === undefined ? '' : ` Did you mean ${JSON.stringify(best)}?`;
}
