/**
 * Tensors as bytes: the safetensors format, as much of it as cases and answers need.
 * A file is a little-endian u64 with the header's length, the header in JSON, and the numbers row-major in one piece without gaps.
 */
import type { DType, Tensor } from '../../reference/case';

/** Bytes that are no safetensors file, or one with something in it that we cannot read. */
export class SafetensorsError extends Error {
  override readonly name = 'SafetensorsError';
}

export interface Safetensors {
  readonly metadata: Readonly<Record<string, string>>;
  readonly tensors: ReadonlyMap<string, Tensor>;
}

interface Format {
  readonly name: string;
  readonly dtype: DType;
  readonly itemSize: number;
  /** `bytes` begins at a multiple of `itemSize`. */
  read(bytes: Uint8Array, count: number): Float64Array | Uint8Array;
  write(data: Float64Array | Uint8Array, bytes: Uint8Array): void;
}

/** Every float16, by its bits. Reading and writing them one by one through a polyfill takes longer than all the rest of a batch. */
const halves = Float64Array.from({ length: 1 << 16 }, (_, bits) => {
  const exponent = (bits >>> 10) & 31;
  const fraction = bits & 1023;
  const size =
    exponent === 31
      ? fraction === 0
        ? Infinity
        : NaN
      : exponent === 0
        ? fraction * 2 ** -24
        : (1024 + fraction) * 2 ** (exponent - 25);
  return bits >>> 15 === 1 ? -size : size;
});

/** The bits of a number that float16 represents, out of its bits as a float32. */
function halfOf(single: number, x: number): number {
  const sign = (single >>> 16) & 0x8000;
  const exponent = (single >>> 23) & 255;
  const fraction = (single >>> 13) & 1023;
  if (exponent === 255) return sign | 0x7c00 | (Number.isNaN(x) ? 0x200 : 0);
  return exponent > 112 ? sign | ((exponent - 112) << 10) | fraction : sign | Math.abs(x * 2 ** 24);
}

// Typed arrays have the processor's byte order, which is little-endian wherever Node runs today but on s390x.
const formats: readonly Format[] = [
  {
    name: 'F64',
    dtype: 'float64',
    itemSize: 8,
    read: (bytes, count) => new Float64Array(bytes.buffer, bytes.byteOffset, count).slice(),
    write: (data, bytes) => new Float64Array(bytes.buffer, bytes.byteOffset, data.length).set(data),
  },
  {
    name: 'F32',
    dtype: 'float32',
    itemSize: 4,
    read: (bytes, count) => new Float64Array(new Float32Array(bytes.buffer, bytes.byteOffset, count)),
    write: (data, bytes) => new Float32Array(bytes.buffer, bytes.byteOffset, data.length).set(data),
  },
  {
    name: 'F16',
    dtype: 'float16',
    itemSize: 2,
    read(bytes, count) {
      const words = new Uint16Array(bytes.buffer, bytes.byteOffset, count);
      const numbers = new Float64Array(count);
      for (let n = 0; n < count; n++) numbers[n] = halves[words[n]];
      return numbers;
    },
    write(data, bytes) {
      const singles = new Uint32Array(new Float32Array(data).buffer);
      const words = new Uint16Array(bytes.buffer, bytes.byteOffset, data.length);
      for (let n = 0; n < data.length; n++) words[n] = halfOf(singles[n], data[n]);
    },
  },
  {
    // The upper half of a float32: a number of this type survives the cut.
    name: 'BF16',
    dtype: 'bfloat16',
    itemSize: 2,
    read(bytes, count) {
      const words = Uint32Array.from(new Uint16Array(bytes.buffer, bytes.byteOffset, count), (word) => word << 16);
      return new Float64Array(new Float32Array(words.buffer));
    },
    write(data, bytes) {
      const words = new Uint32Array(new Float32Array(data).buffer);
      const uppers = new Uint16Array(bytes.buffer, bytes.byteOffset, data.length);
      for (let n = 0; n < data.length; n++) uppers[n] = words[n] >>> 16;
    },
  },
  {
    name: 'I64',
    dtype: 'int64',
    itemSize: 8,
    read: (bytes, count) => Float64Array.from(new BigInt64Array(bytes.buffer, bytes.byteOffset, count), Number),
    write(data, bytes) {
      const words = new BigInt64Array(bytes.buffer, bytes.byteOffset, data.length);
      for (let n = 0; n < data.length; n++) words[n] = BigInt(data[n]);
    },
  },
  {
    name: 'BOOL',
    dtype: 'bool',
    itemSize: 1,
    read: (bytes, count) => Uint8Array.from(bytes.subarray(0, count), (byte) => (byte === 0 ? 0 : 1)),
    write: (data, bytes) => bytes.set(data),
  },
];
const byName = new Map(formats.map((format) => [format.name, format]));
const byDType = new Map(formats.map((format) => [format.dtype, format]));

/** What the header's first eight bytes and its padding are multiples of. */
const WORD = 8;

/**
 * A safetensors file that begins `offset` bytes (a multiple of 8) into what is returned.
 * Wide numbers come first, so that each lies at a multiple of its own size.
 */
export function writeSafetensors(
  tensors: Iterable<readonly [string, Tensor]>,
  metadata: Readonly<Record<string, string>> = {},
  offset = 0,
): Uint8Array<ArrayBuffer> {
  const entries = Array.from(tensors, ([name, tensor]) => ({ name, tensor, format: byDType.get(tensor.dtype)! }));
  entries.sort((a, b) => b.format.itemSize - a.format.itemSize);
  let size = 0;
  let header = Object.keys(metadata).length > 0 ? `{"__metadata__":${JSON.stringify(metadata)}` : '{';
  for (const { name, tensor, format } of entries) {
    const end = size + tensor.data.length * format.itemSize;
    const comma = header === '{' ? '' : ',';
    header += `${comma}${JSON.stringify(name)}:{"dtype":"${format.name}","shape":[${tensor.shape.join(',')}],"data_offsets":[${size},${end}]}`;
    size = end;
  }
  header += '}';
  const text = Buffer.from(header);
  const headerSize = Math.ceil(text.length / WORD) * WORD;
  const bytes = new Uint8Array(offset + WORD + headerSize + size);
  new DataView(bytes.buffer).setBigUint64(offset, BigInt(headerSize), true);
  bytes.fill(0x20, offset + WORD, offset + WORD + headerSize);
  bytes.set(text, offset + WORD);
  let place = offset + WORD + headerSize;
  for (const { tensor, format } of entries) {
    const end = place + tensor.data.length * format.itemSize;
    format.write(tensor.data, bytes.subarray(place, end));
    place = end;
  }
  return bytes;
}

/** Reads a whole file. Throws a SafetensorsError that says what is wrong with it. */
export function readSafetensors(file: Uint8Array): Safetensors {
  const { header, from } = headerOf(file);
  const { __metadata__: metadata = {}, ...entries } = header;
  if (!isRecord(metadata) || Object.values(metadata).some((text) => typeof text !== 'string'))
    throw new SafetensorsError('__metadata__ holds something else than strings.');
  const spans: [number, number][] = [];
  const tensors = new Map<string, Tensor>();
  for (const [name, entry] of Object.entries(entries)) {
    const { format, shape, begin, end } = entryOf(name, entry, file.length - from);
    const count = (end - begin) / format.itemSize;
    const data = format.read(aligned(file, from + begin, end - begin, format.itemSize), count);
    tensors.set(name, { dtype: format.dtype, shape, data } as Tensor);
    spans.push([begin, end]);
  }
  checkGapless(spans, file.length - from);
  return { metadata: metadata as Record<string, string>, tensors };
}

function headerOf(file: Uint8Array): { header: Record<string, unknown>; from: number } {
  if (file.length < WORD) throw new SafetensorsError(`${file.length} bytes are too few for a header.`);
  const size = new DataView(file.buffer, file.byteOffset).getBigUint64(0, true);
  if (size > BigInt(file.length - WORD))
    throw new SafetensorsError(`The header is said to have ${size} bytes, where ${file.length - WORD} follow.`);
  const from = WORD + Number(size);
  let header: unknown;
  try {
    header = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(file.subarray(WORD, from)));
  } catch (error) {
    throw new SafetensorsError(`The header is no JSON: ${(error as Error).message}`, { cause: error });
  }
  if (!isRecord(header)) throw new SafetensorsError('The header is no JSON object.');
  return { header, from };
}

function entryOf(name: string, entry: unknown, size: number) {
  const { dtype, shape, data_offsets: offsets } = isRecord(entry) ? entry : {};
  const format = byName.get(dtype as string);
  if (format === undefined)
    throw new SafetensorsError(
      `The tensor ${name} has the dtype ${JSON.stringify(dtype)}; it is one of ${[...byName.keys()].join(', ')}.`,
    );
  if (!isCounts(shape)) throw new SafetensorsError(`The tensor ${name} has the shape ${JSON.stringify(shape)}.`);
  if (!isCounts(offsets) || offsets.length !== 2 || offsets[0] > offsets[1] || offsets[1] > size)
    throw new SafetensorsError(
      `The tensor ${name} has the data_offsets ${JSON.stringify(offsets)}, where ${size} bytes of numbers follow.`,
    );
  const [begin, end] = offsets;
  const due = shape.reduce((product, length) => product * length, format.itemSize);
  if (end - begin !== due)
    throw new SafetensorsError(`The tensor ${name} has ${end - begin} bytes, where ${due} are due.`);
  return { format, shape, begin, end };
}

function checkGapless(spans: [number, number][], size: number): void {
  let at = 0;
  for (const [begin, end] of spans.sort((a, b) => a[0] - b[0] || a[1] - b[1])) {
    if (begin !== at) throw new SafetensorsError(`The tensors overlap or leave a gap at byte ${Math.min(at, begin)}.`);
    at = end;
  }
  if (at !== size) throw new SafetensorsError(`${size - at} bytes at the end belong to no tensor.`);
}

function aligned(file: Uint8Array, from: number, length: number, itemSize: number): Uint8Array {
  const bytes = file.subarray(from, from + length);
  // Buffer's own `slice` would not copy.
  return bytes.byteOffset % itemSize === 0 ? bytes : Uint8Array.prototype.slice.call(bytes);
}

const isCounts = (x: unknown): x is number[] =>
  Array.isArray(x) && x.every((n) => Number.isSafeInteger(n) && (n as number) >= 0);

const isRecord = (x: unknown): x is Record<string, unknown> => typeof x === 'object' && x !== null && !Array.isArray(x);
