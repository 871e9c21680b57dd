/** Answers cases on standard input with a mutant, a line each: the slot of an exported test in Python calls it. */
import { createInterface } from 'node:readline';
import type { AttentionCase } from '../../reference/case';
import type { BackendSession } from '../../src/backend';
import { caseFromWire, tensorToWire } from '../../src/protocol/codec';
import { mutants } from '../mutants';

interface Line {
  /** Begins a session of this mutant; else a case. */
  readonly mutant?: string;
  readonly case?: unknown;
}

async function serve(): Promise<void> {
  let session: BackendSession | undefined;
  for await (const text of createInterface({ input: process.stdin })) {
    const line = JSON.parse(text) as Line;
    if (line.mutant !== undefined) {
      session = await mutants.find(({ name }) => name === line.mutant)?.backend.open();
      continue;
    }
    process.stdout.write(`${JSON.stringify(await answered(session, caseFromWire(line.case) as AttentionCase))}\n`);
  }
}

async function answered(session: BackendSession | undefined, c: AttentionCase) {
  try {
    const [answer] = (await session?.attend([c])) ?? [];
    if ('error' in answer) return { error: answer.error.message };
    const { output, weights, scores, gradients } = answer;
    // What the call wrote into comes back as well.
    const inputs = { query: c.query, key: c.key, value: c.value, ...(c.mask && { mask: c.mask.tensor }) };
    return {
      ...wire({ output, weights, scores }),
      ...(gradients && { gradients: wire(gradients) }),
      inputs: wire(inputs),
    };
  } catch (error) {
    return { error: String(error) };
  }
}

type Tensors = Readonly<Record<string, Parameters<typeof tensorToWire>[0] | undefined>>;
const wire = (tensors: Tensors) =>
  Object.fromEntries(
    Object.entries(tensors).flatMap(([name, tensor]) => (tensor ? [[name, tensorToWire(tensor)]] : [])),
  );

void serve();
