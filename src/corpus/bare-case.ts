/** A case from tensors alone, as any program writes them: query, key, value and perhaps a mask, the rest as text in the metadata. */
import type { AttentionCase, Tensor } from '../../reference/case';
import { attentionFromWire, numberToWire, WireError } from '../protocol/codec';

const numbers = ['scale', 'softcap', 'left_window_size', 'right_window_size'];
const tensorNames = ['query', 'key', 'value', 'mask', 'segments', 'position_ids', 'grad_output'];

/**
 * The mask's rank is that of its shape, its form that of its dtype: BOOL is boolean, I64 integer, a floating one additive.
 * Throws a WireError that names what is wrong.
 */
export function bareCase(
  tensors: ReadonlyMap<string, Tensor>,
  metadata: Readonly<Record<string, string>>,
): AttentionCase {
  const odd = [...tensors.keys()].find((name) => !tensorNames.includes(name));
  if (odd !== undefined)
    throw new WireError(`The tensor ${JSON.stringify(odd)} is none of a case; those are ${tensorNames.join(', ')}.`);
  const wire = (name: string) => {
    const tensor = tensors.get(name);
    return tensor && { dtype: tensor.dtype, shape: tensor.shape, data: Array.from(tensor.data, numberToWire) };
  };
  const told = numbers.filter((name) => metadata[name] !== undefined);
  const mask = tensors.get('mask');
  const form = { bool: 'boolean', int64: 'integer' }[mask?.dtype as 'bool' | 'int64'] ?? 'additive';
  return attentionFromWire({
    query: wire('query'),
    key: wire('key'),
    value: wire('value'),
    ...(mask && { mask: { rank: mask.shape.length, form, tensor: wire('mask') } }),
    is_causal: truth(metadata.is_causal ?? 'false'),
    ...(metadata.bridge !== undefined && { bridge: metadata.bridge }),
    ...Object.fromEntries(told.map((name) => [name, numberIn(metadata[name], name)])),
    ...(tensors.has('position_ids') && {
      rotary: {
        rotary_dim: numberIn(metadata.rotary_dim ?? '', 'rotary_dim'),
        rotary_base: numberIn(metadata.rotary_base ?? '10000', 'rotary_base'),
        layout: metadata.layout ?? 'half',
        position_ids: wire('position_ids'),
      },
    }),
    ...(tensors.has('segments') && { segments: wire('segments') }),
    ...(tensors.has('grad_output') && { grad_output: wire('grad_output') }),
  });
}

function numberIn(text: string, name: string): number {
  const x = Number(text);
  if (text.trim() === '' || Number.isNaN(x))
    throw new WireError(`The metadata's ${name} is ${JSON.stringify(text)}; it is a number.`);
  return x;
}

/** As JSON and Python write it. */
function truth(text: string): boolean {
  if (!/^(true|false)$/i.test(text))
    throw new WireError(`The metadata's is_causal is ${JSON.stringify(text)}; it is true or false.`);
  return text.toLowerCase() === 'true';
}
