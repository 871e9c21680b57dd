/** Work on an engine whose device may be taken away meanwhile: a driver that is reset or updated, a laptop that changes its GPU. */
import { setImmediate } from 'node:timers/promises';
import { DeviceLostError, type Engine, type EngineEntry } from './engine';

/** Runs `use` on the engine, and once more, on a new device, where the first was lost under it. */
export async function onEngine<T>(entry: EngineEntry, use: (engine: Engine) => Promise<T>): Promise<T> {
  try {
    return await untilLost(await entry.load(), use);
  } catch (error) {
    if (!(error instanceof DeviceLostError)) throw error;
    process.emitWarning(`${error.message} The cases are sent to a new one.`, { code: 'MASKPROOF_DEVICE_LOST' });
    return untilLost(await entry.load(), use);
  }
}

/** Whatever becomes of work whose device is gone, that it is gone is the reason. */
async function untilLost<T>(engine: Engine, use: (engine: Engine) => Promise<T>): Promise<T> {
  try {
    return await use(engine);
  } catch (cause) {
    // The driver's word that it took the device away may come after the error that this caused.
    await setImmediate();
    const how = engine.lost?.();
    if (how === undefined) throw cause;
    throw new DeviceLostError(engine.name, how, { cause });
  }
}

/** Whether an error began in TensorFlow.js or below, and not in what called it: CUDA's are errors of the package's own. */
export function isEngineError(error: unknown): error is Error {
  if (!(error instanceof Error)) return false;
  const place = (error.stack ?? '').split('\n').find((line) => line.trimStart().startsWith('at '));
  return place !== undefined && /node_modules[\\/]@tensorflow[\\/]/.test(place);
}
