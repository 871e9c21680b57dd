import { createHash } from 'node:crypto';

/** The largest seed, 2^31 - 1. */
export const maxSeed = 0x7fffffff;

/** The seed of one batch, 0 .. 2^31 - 1: a hash of the run's seed, the property's id and the batch's number, so that any batch can be made alone. */
export function batchSeed(runSeed: number, propertyId: string, batch: number): number {
  const digest = createHash('sha256').update(`${runSeed}/${propertyId}/${batch}`).digest();
  return digest.readUInt32BE(0) & maxSeed;
}

/** How many cases batch number n holds: small ones first, so that the first failure comes early on a slow backend. */
export function batchSize(batch: number): number {
  return Math.min(2 ** batch, 256);
}
