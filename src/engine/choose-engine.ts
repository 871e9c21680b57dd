/** Which engine `--reference auto` takes: the first GPU that works. Drivers in software are never taken unasked. */
import { existsSync, readdirSync } from 'node:fs';
import { DamagedEngineError, engineEntry, MissingPackageError, type EngineName } from '../../reference/gpu/engines';
import { probeEngine, type ProbeAnswer } from './probe';

export interface Choice {
  /** Undefined where the oracle is the better judge. */
  readonly engine?: EngineName;
  readonly reason: string;
}

const order: readonly EngineName[] = ['tensorflow', 'webgpu'];
const sharper = 'float64 is the sharper judge on a CPU';

/** Tries them in processes of their own, and only on a machine that may have a GPU. */
export async function chooseEngine(
  probe: (name: EngineName) => Promise<ProbeAnswer> = (name) => probeEngine(name, 'load'),
  mayHaveGpu = hasGpuDevice(),
): Promise<Choice> {
  if (!mayHaveGpu) return { reason: `no GPU is here, and ${sharper}` };
  const reasons: string[] = [];
  for (const engine of order) {
    const missing = whyNotInstalled(engine);
    if (missing !== undefined) {
      reasons.push(`${engine}: ${firstSentence(missing)}`);
      continue;
    }
    const probed = await probe(engine);
    if ('error' in probed) reasons.push(`${engine}: ${firstSentence(probed.error.message)}`);
    else if (probed.device.kind === 'gpu') return { engine, reason: 'the first engine that has a GPU here' };
    else
      reasons.push(`${engine} would run ${probed.device.kind === 'software' ? 'a driver in software' : 'on the CPU'}`);
  }
  return { reason: `no GPU engine works here (${reasons.join('; ')}), and ${sharper}` };
}

/** On Linux a GPU is a device file; elsewhere there may always be one. */
export function hasGpuDevice(): boolean {
  if (process.platform !== 'linux') return true;
  if (['/dev/nvidiactl', '/dev/dxg', '/dev/kfd', '/dev/kgsl-3d0', '/dev/mali0'].some((device) => existsSync(device)))
    return true;
  return existsSync('/dev/dri') && readdirSync('/dev/dri').some((name) => name.startsWith('renderD'));
}

/** Without loading anything: most who have no engine have not installed one. */
function whyNotInstalled(engine: EngineName): string | undefined {
  try {
    engineEntry(engine).versions();
    return undefined;
  } catch (error) {
    if (error instanceof MissingPackageError || error instanceof DamagedEngineError) return error.message;
    throw error;
  }
}

const firstSentence = (text: string): string => text.split('\n')[0].replace(/\.$/, '');
