/** TensorFlow.js itself, which engines register with. */
import type { TensorFlow } from './attention';
import type { Engine, EngineName } from './engine';
import { requirePackage, versionOf } from './packages';

const core = '@tensorflow/tfjs-core';

export function loadCore(name: EngineName): TensorFlow {
  const tf = requirePackage<TensorFlow>(core, `the engine ${name}`);
  // Production mode silences the advice to install another backend; it changes no number.
  tf.enableProdMode();
  return tf;
}

/** Starts the backend that was registered under the engine's name. */
export async function startBackend(tf: TensorFlow, name: EngineName): Promise<void> {
  const started = await withoutListeners(() => tf.setBackend(name));
  if (!started) throw new Error(`TensorFlow.js could not start its engine ${name}.`);
}

/** The parts of an engine that has been started that are alike for all of them. */
export function startedEngine(
  tf: TensorFlow,
  name: EngineName,
  packages: readonly string[],
  description: string,
): Pick<Engine, 'name' | 'tf' | 'use' | 'describe' | 'versions'> {
  const versions = versionsOf(name, packages);
  return {
    name,
    tf,
    // For an engine that has started, setBackend does its work before it returns its promise.
    use: () => {
      if (tf.getBackend() !== name) void tf.setBackend(name);
    },
    describe: () => `TensorFlow.js ${versionOf(core, `the engine ${name}`)}, ${description}`,
    versions,
  };
}

/** The versions of packages, without loading them. */
export function versionsOf(name: EngineName, packages: readonly string[]): Readonly<Record<string, string>> {
  return Object.fromEntries(packages.map((one) => [one, versionOf(one, `the engine ${name}`)]));
}

/** Emscripten's modules listen to every uncaught exception and rejection of the process, and throw it again: what they add is taken away. */
async function withoutListeners<T>(start: () => Promise<T>): Promise<T> {
  const events = ['uncaughtException', 'unhandledRejection'];
  const before = events.map((event) => process.rawListeners(event));
  const started = await start();
  events.forEach((event, n) => {
    const added = process.rawListeners(event).filter((listener) => !before[n].includes(listener));
    for (const listener of added) process.removeListener(event, listener as (...args: unknown[]) => void);
  });
  return started;
}
