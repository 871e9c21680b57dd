/** Variants of a case: what properties send beside it. Each is derived from the case alone, without randomness, so that a saved case replays by value. */
export * from './changes/contents';
export * from './changes/forms';
export * from './changes/gather';
export * from './changes/interventions';
export * from './changes/mix';
