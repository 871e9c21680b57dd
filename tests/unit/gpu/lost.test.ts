import fc from 'fast-check';
import { describe, expect, it, vi } from 'vitest';
import { engineEntry, type Engine } from '../../../reference/gpu/engines';
import { onEngine } from '../../../reference/gpu/on-engine';
import { attendPacked } from '../../../reference/gpu/packing';
import { attentionCase } from '../../../src/arbitraries/attention-case';
import { openReference } from '../../../src/engine/reference';
import { runSuite } from '../../../src/engine/run-suite';
import { oracleBackend } from '../../../src/backends/oracle';
import agrees from '../../../properties/numerics/agrees-with-reference';
import { everyCase } from './cases';
import { engineHere } from './here';

const entry = engineEntry('webgpu');
const cases = fc.sample(attentionCase({ ...everyCase, maxQLen: 4, maxKvLen: 4, maxHeadDim: 4 }), {
  numRuns: 8,
  seed: 5,
});

/** What a driver does that is reset. */
function lose({ tf }: Engine): void {
  (tf.findBackend('webgpu') as unknown as { device: { destroy(): void } }).device.destroy();
}

/** The warnings of the process meanwhile. */
async function warningsOf(work: () => Promise<void>): Promise<readonly string[]> {
  const warn = vi.spyOn(process, 'emitWarning').mockImplementation(() => undefined);
  try {
    await work();
    return warn.mock.calls.map(([warning]) => String(warning));
  } finally {
    warn.mockRestore();
  }
}

describe('a device that is lost', () => {
  it('in the middle of a launch is replaced, and the answers are those of the new one', async (test) => {
    const first = await engineHere(entry, test);
    const before = await attendPacked(first, cases);
    let times = 0;
    const warnings = await warningsOf(async () => {
      const after = await onEngine(entry, (engine) => {
        const answers = attendPacked(engine, cases);
        if (times++ === 0) lose(engine);
        return answers;
      });
      expect(after).toEqual(before);
    });
    expect(times).toBe(2);
    expect(warnings).toEqual([
      expect.stringMatching(
        /^The device of the engine webgpu did not stay: .* was lost \(destroyed.*\)\. The cases are sent to a new one\.$/,
      ),
    ]);
    expect(await entry.load()).not.toBe(first);
  });

  it('twice in a row is a sentence', async (test) => {
    await engineHere(entry, test);
    await warningsOf(async () => {
      const answers = onEngine(entry, (engine) => {
        const given = attendPacked(engine, cases);
        lose(engine);
        return given;
      });
      await expect(answers).rejects.toThrow(
        /^The device of the engine webgpu did not stay: .* was lost \(destroyed.*\)\.$/,
      );
    });
  });

  it('in the middle of a run costs no result', async (test) => {
    await engineHere(entry, test);
    const reference = await openReference('webgpu');
    let asked = 0;
    const unsteady = {
      ...reference,
      answers: async (...args: Parameters<NonNullable<typeof reference.answers>>) => {
        if (++asked === 1) lose(await entry.load());
        return reference.answers!(...args);
      },
    };
    let statuses: readonly string[] = [];
    const warnings = await warningsOf(async () => {
      const { outcomes } = await runSuite({
        backends: [oracleBackend()],
        properties: [agrees],
        seed: 1,
        runs: 6,
        reference: unsteady,
      });
      statuses = outcomes.map(({ status, cases: checked }) => `${status} ${checked}`);
    });
    expect(asked).toBeGreaterThan(0);
    expect(statuses).toEqual(['held 6']);
    // Lost before it was asked, it is loaded again without a word; lost meanwhile, with one.
    expect(warnings.length).toBeLessThanOrEqual(1);
  });
});
