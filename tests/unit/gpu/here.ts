import type { TestContext } from 'vitest';
import { MissingPackageError, NoDeviceError, type Engine, type EngineEntry } from '../../../reference/gpu/engines';

/** Loads an engine, or skips the test with the reason why it cannot run here. What is set up and fails is no reason. */
export async function engineHere(entry: EngineEntry, { skip }: Pick<TestContext, 'skip'>): Promise<Engine> {
  try {
    return await entry.load();
  } catch (error) {
    if (!(error instanceof MissingPackageError || error instanceof NoDeviceError)) throw error;
    return skip(error.message);
  }
}

/** So many cases, and a share of them where a driver computes in software. */
export function atMost(cases: number, { device }: Engine, share = 20): number {
  return device.kind === 'software' ? Math.ceil(cases / share) : cases;
}
