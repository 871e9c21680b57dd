/** maskproof init: an adapter that runs as it is, and a CI snippet. What is there already stays. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { UsageError } from '../errors';
import { exitCode } from './exit-code';
import type { Io } from './io';

const adapterFile = 'maskproof.backend.ts';
const workflowFile = '.github/workflows/maskproof.yml';

const adapter = `import { defineBackend, type AttentionCase, type FloatTensor } from 'maskproof/backend';

// Replace \`attend\` by a call of your own kernel, and \`supports\` by what it can do.
export default defineBackend({
  name: 'my-attention',
  supports: {
    maskRanks: [2, 3, 4],
    maskForms: ['boolean', 'additive'],
    causal: 'bottom_right',
    bidirectional: true,
    fullyMaskedRow: 'zeros',
    cache: true,
  },
  open: () => ({ attend: (cases) => cases.map((c) => ({ output: attend(c) })) }),
});

/** Scaled dot-product attention. A query that keeps no key answers zeros. */
function attend(c: AttentionCase): FloatTensor {
  const [batch, numHeads, qLen, headDim] = c.query.shape;
  const kvLen = c.key.shape[2];
  const data = new Float64Array(c.query.data.length);
  for (let b = 0; b < batch; b++) {
    for (let h = 0; h < numHeads; h++) {
      for (let i = 0; i < qLen; i++) {
        const query = ((b * numHeads + h) * qLen + i) * headDim;
        const key = (j: number) => ((b * numHeads + h) * kvLen + j) * headDim;
        const scores = Array.from({ length: kvLen }, (_, j) => {
          const bias = biasAt(c, b, h, i, j);
          if (bias === undefined) return -Infinity;
          let dot = 0;
          for (let d = 0; d < headDim; d++) dot += c.query.data[query + d] * c.key.data[key(j) + d];
          return dot * c.scale + bias;
        });
        const top = Math.max(...scores);
        if (top === -Infinity) continue;
        const weights = scores.map((score) => Math.exp(score - top));
        const sum = weights.reduce((total, weight) => total + weight, 0);
        for (let d = 0; d < headDim; d++) {
          let mean = 0;
          weights.forEach((weight, j) => {
            if (weight > 0) mean += (weight / sum) * c.value.data[key(j) + d];
          });
          data[query + d] = Math.fround(mean);
        }
      }
    }
  }
  return { dtype: c.query.dtype, shape: c.query.shape, data };
}

/** What the mask adds to a score; undefined where it drops the key. */
function biasAt(c: AttentionCase, b: number, h: number, i: number, j: number): number | undefined {
  const past = c.key.shape[2] - c.query.shape[2];
  // A 4D mask says everything; any other is layered on top of the causal one.
  if (c.isCausal && c.mask?.rank !== 4 && j > i + past) return undefined;
  if (c.mask === undefined) return 0;
  const { shape, data } = c.mask.tensor;
  // [batch, kv_len], [batch, q_len, kv_len] or [batch or 1, num_heads or 1, q_len or 1, kv_len]
  const index = { 2: [b, j], 3: [b, i, j], 4: [b, h, i, j] }[c.mask.rank];
  const [batch, numHeads, qLen] = c.query.shape;
  const kvLen = c.key.shape[2];
  const sizes = { 2: [batch, kvLen], 3: [batch, qLen, kvLen], 4: [batch, numHeads, qLen, kvLen] }[c.mask.rank];
  const fits = shape.every((n, axis) => n === sizes[axis] || (n === 1 && shape.length === 4 && axis < 3));
  if (!fits) throw new RangeError(\`A mask of shape [\${shape}] does not fit [\${sizes}].\`);
  const at = index.reduce((offset, n, axis) => offset * shape[axis] + (shape[axis] === 1 ? 0 : n), 0);
  if (c.mask.form !== 'additive') return data[at] === 1 ? 0 : undefined;
  const isDropped = data[at] === -Infinity || data[at] === -3.4028234663852886e38;
  return isDropped ? undefined : data[at];
}
`;

const workflow = `# The fixed seed on every change, a fresh one each night.
name: maskproof
on:
  pull_request:
  schedule:
    - cron: '17 3 * * *'
jobs:
  maskproof:
    runs-on: ubuntu-latest
    steps:
      - uses: actions/checkout@v4
      - uses: actions/setup-node@v4
        with:
          node-version: 22
      - run: npm ci
      - if: github.event_name == 'pull_request'
        run: npx maskproof fuzz --backend ./${adapterFile} --seed 1 --corpus maskproof-corpus --json maskproof.json
      - if: github.event_name == 'schedule'
        run: npx maskproof fuzz --backend ./${adapterFile} --seconds 600 --corpus maskproof-corpus --json maskproof.json
      - if: always()
        uses: actions/upload-artifact@v4
        with:
          name: maskproof
          path: |
            maskproof.json
            maskproof-corpus
`;

export function init(io: Io): number {
  for (const [file, text] of [
    [adapterFile, adapter],
    [workflowFile, workflow],
  ]) {
    io.out(writeNew(file, text) ? `Wrote ${file}\n` : `Left ${file} alone: it is there already\n`);
  }
  io.out(`\nNext: npx maskproof fuzz --backend ./${adapterFile}\n`);
  return exitCode({ checked: true });
}

/** Whether the file was written: never over one that exists. */
function writeNew(file: string, text: string): boolean {
  try {
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, text, { flag: 'wx' });
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw new UsageError('unwritable', `${file} cannot be written: ${(error as NodeJS.ErrnoException).code}.`, {
      cause: error,
    });
  }
}
