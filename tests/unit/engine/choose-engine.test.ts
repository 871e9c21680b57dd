import { describe, expect, it } from 'vitest';
import type { Device } from '../../../reference/gpu/engines';
import { chooseEngine } from '../../../src/engine/choose-engine';
import type { ProbeAnswer } from '../../../src/engine/probe';

const on = (kind: Device['kind'], name: string): ProbeAnswer => ({
  describe: name,
  device: { kind, name },
  versions: {},
});
const broken: ProbeAnswer = {
  error: { type: 'EngineCrashedError', message: 'It brought its process down (SIGABRT).\n  a line' },
};

/** What is chosen where the engines answer so; what is not installed here cannot be chosen and is left out. */
const chosen = (answers: Readonly<Record<string, ProbeAnswer>>) =>
  chooseEngine((name) => Promise.resolve(answers[name]), true);

describe('--reference auto', () => {
  it('asks nobody on a machine without a GPU', async () => {
    const choice = await chooseEngine(() => Promise.reject(new Error('asked')), false);
    expect(choice).toEqual({ reason: 'no GPU is here, and float64 is the sharper judge on a CPU' });
  });

  it('takes WebGPU on hardware where TensorFlow has no GPU', async () => {
    const { engine } = await chosen({ tensorflow: on('cpu', 'a CPU'), webgpu: on('gpu', 'a GPU') });
    expect(engine).toBe('webgpu');
  });

  it('never takes a driver in software, nor an engine that falls over, and says why', async () => {
    const { engine, reason } = await chosen({ tensorflow: broken, webgpu: on('software', 'SwiftShader') });
    expect(engine).toBeUndefined();
    expect(reason).toContain('webgpu would run a driver in software');
    expect(reason).toMatch(
      /^no GPU engine works here \(tensorflow: .*; webgpu .*\), and float64 is the sharper judge on a CPU$/,
    );
  });
});
