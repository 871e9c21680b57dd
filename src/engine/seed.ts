import { createHash } from 'node:crypto';
import type { Shard } from './events';

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

export interface Batch {
  readonly batch: number;
  readonly size: number;
}

/** The batches of a property's run, or those of them that fall to a shard. */
export function* batchesOf(
  runs: number,
  { index, count }: Shard = { index: 1, count: 1 },
): Generator<Batch, undefined> {
  let before = 0;
  for (let batch = 0; before < runs; batch++) {
    const size = Math.min(batchSize(batch), runs - before);
    before += size;
    if (batch % count === index - 1) yield { batch, size };
  }
}

/** Cases that go to a job at a time: enough that handing out costs little, few enough that all jobs have some. */
const stretchSize = 128;

/** The next batches that one job takes; none where there are no more. */
export function nextStretch(batches: Iterator<Batch, undefined>): Batch[] {
  const stretch: Batch[] = [];
  for (let size = 0; size < stretchSize - 1;) {
    const next = batches.next();
    if (next.done) break;
    stretch.push(next.value);
    size += next.value.size;
  }
  return stretch;
}
