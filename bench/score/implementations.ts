/** Attention that is right, computed in many ways, each declared as it is: what no law may ever flag. */
import { sizesOf, type AttentionCase, type FloatTensor, type FloatType } from '../../reference/case';
import { finfo } from '../../reference/dtype';
import { keepGrid } from '../../reference/masks';
import type { Precision } from '../../reference/precision';
import { problemOf } from '../../reference/validate';
import { everything } from '../../tests/mutants/base';
import { modelBackendOf, TinyModel } from '../../tests/mutants/tiny-model';
import { emulate, type Machine } from '../../tests/unit/reference/emulate';
import { emulateGradients, type BackwardMachine } from '../../tests/unit/reference/emulate-gradients';
import { followed, machines } from '../../tests/unit/reference/machines';
import type { Backend, BackendAnswer } from '../../src/backend';
import { builtinBackend } from '../../src/backends/builtin';
import { oracleBackend } from '../../src/backends/oracle';
import { resolveSupports } from '../../src/supports';

type Way = Omit<Machine, 'precision'>;

const ways: Readonly<Record<string, Way>> = {
  forwards: { order: 'forward', reciprocal: false },
  backwards: { order: 'backward', reciprocal: false },
  'in pairs': { order: 'pairs', reciprocal: false },
  'fused multiply-add': { order: 'forward', reciprocal: false, fused: true },
  'by the reciprocal': { order: 'pairs', reciprocal: true },
};

/** Ways back, all within what is allowed where nothing is declared of the backward pass. */
const waysBack = [
  { weights: 'kept', mean: 'weights', factored: true, scaledEarly: false, oneByOne: false },
  { weights: 'rebuilt', mean: 'output', factored: true, scaledEarly: true, oneByOne: true },
  { weights: 'rebuilt', mean: 'weights', factored: false, scaledEarly: false, oneByOne: true },
  { weights: 'kept', mean: 'output', factored: false, scaledEarly: true, oneByOne: false },
] as const;

/** A backend that computes as a machine does. */
function emulated(name: string, dtype: FloatType, precision: Precision, way: Way, n: number): Backend {
  const supports = {
    ...everything,
    dtypes: [dtype],
    overlongRows: 'first' as const,
    returns: ['output', 'weights', 'scores', 'gradients'] as const,
    precision: { [dtype]: precision },
  };
  const resolved = resolveSupports(supports);
  const machine: BackwardMachine = { precision, ...way, ...waysBack[n % waysBack.length], through: false };
  const answer = (c: AttentionCase): BackendAnswer => {
    const problem = problemOf(c, resolved);
    if (problem !== undefined) return { error: { type: 'ValueError', message: problem } };
    const { batch, numHeads, qLen, kvLen, vHeadDim } = sizesOf(c);
    const keep = keepGrid(c, resolved);
    const { output, weights, scores } = emulate(c, keep, machine);
    const tensor = (data: Float64Array, last: number): FloatTensor => ({
      dtype,
      shape: [batch, numHeads, qLen, last],
      data,
    });
    return {
      output: tensor(output, vHeadDim),
      ...(c.want.weights && { weights: tensor(weights, kvLen) }),
      ...(c.want.scores && {
        scores: tensor(
          scores.map((x, at) => (keep[at] === 1 ? x : finfo[dtype].lowest)),
          kvLen,
        ),
      }),
      ...(c.want.gradients && { gradients: gradientsOf(c, keep) }),
    };
  };
  const gradientsOf = (c: AttentionCase, keep: Uint8Array) => {
    const { query, key, value } = emulateGradients(c, keep, machine, resolved);
    return { query: { ...c.query, data: query }, key: { ...c.key, data: key }, value: { ...c.value, data: value } };
  };
  return { name, supports, open: () => ({ attend: (cases) => cases.map(answer) }) };
}

/** Every way on the plainest float32 machine, and the ways in turn on the others. */
const emulations: readonly Backend[] = [
  ...Object.entries(ways).map(([name, way], n) => emulated(`float32, ${name}`, 'float32', machines[0][2], way, n)),
  ...[...machines.slice(1), ...followed].map(([name, dtype, precision], n) =>
    emulated(name, dtype, precision, Object.values(ways)[n % Object.keys(ways).length], n),
  ),
];

/** By name; engines load when they are asked for. */
const loaders = new Map<string, () => Backend | Promise<Backend>>([
  ['oracle', () => oracleBackend()],
  ['tfjs-cpu', () => builtinBackend('tfjs-cpu')],
  ['tfjs-wasm', () => builtinBackend('tfjs-wasm')],
  ['a whole model', () => modelBackendOf('a whole model', TinyModel)],
  ...emulations.map((backend): [string, () => Backend] => [backend.name, () => backend]),
]);

export const implementationNames: readonly string[] = [...loaders.keys()];

export function implementation(name: string): Backend | Promise<Backend> {
  const load = loaders.get(name);
  if (load === undefined) throw new Error(`There is no implementation ${name}.`);
  return load();
}
