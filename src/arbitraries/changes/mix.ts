/** Deterministic variety: a change depends on the place it is made at and on nothing else, so that a saved case replays by value. */

/** A well mixed 32-bit number out of a few whole ones. */
export function mix(...parts: readonly number[]): number {
  let state = 0x9e3779b9;
  for (const part of parts) {
    state = Math.imul(state ^ part, 0x85ebca6b);
    state ^= state >>> 13;
    state = Math.imul(state, 0xc2b2ae35);
    state ^= state >>> 16;
  }
  return state >>> 0;
}
