/**
 * Tensors as bytes: the safetensors format, as much of it as cases and answers need.
 * A file is a little-endian u64 with the header's length, the header in JSON, and the numbers row-major in one piece without gaps.
 */
import type { DType, Tensor } from '../../reference/case';
import { float64Array, uint8Array } from '../../reference/small-arrays';

/** Bytes that are no safetensors file, or one with something in it that we cannot read. */
export class SafetensorsError extends Error {
  override readonly name = 'SafetensorsError';
}

export interface Safetensors {
  readonly metadata: Readonly<Record<string, string>>;
  readonly tensors: ReadonlyMap<string, Tensor>;
}

type Numbers = Float64Array | Uint8Array;
/** The words of one format, over the numbers of a whole file. */
type Words = Uint8Array | Uint16Array | Float32Array | Float64Array | BigInt64Array;

interface Format {
  readonly name: string;
  readonly dtype: DType;
  readonly itemSize: number;
  /** Over bytes that begin at a multiple of 8. */
  words(bytes: Uint8Array): Words;
  /** The `count` numbers from word `at` on. */
  read(words: Words, at: number, count: number): Numbers;
  write(data: Numbers, words: Words, at: number): void;
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

const single = new Float32Array(1);
const [singleWord, upperWord] = [new Uint32Array(single.buffer), new Uint16Array(single.buffer)];

/** How many words of that size lie in the bytes. */
const lengthOf = (bytes: Uint8Array, itemSize: number): number => Math.floor(bytes.length / itemSize);
const halfWords = (bytes: Uint8Array) => new Uint16Array(bytes.buffer, bytes.byteOffset, lengthOf(bytes, 2));

// Typed arrays have the processor's byte order, which is little-endian wherever Node runs today but on s390x. Tensors are small
// and many: a loop over one view of the whole file is much faster than a view for each of them.
const formats: readonly Format[] = [
  {
    name: 'F64',
    dtype: 'float64',
    itemSize: 8,
    words: (bytes) => new Float64Array(bytes.buffer, bytes.byteOffset, lengthOf(bytes, 8)),
    read: (words: Float64Array, at, count) => words.slice(at, at + count),
    write(data, words: Float64Array, at) {
      for (let n = 0; n < data.length; n++) words[at + n] = data[n];
    },
  },
  {
    name: 'F32',
    dtype: 'float32',
    itemSize: 4,
    words: (bytes) => new Float32Array(bytes.buffer, bytes.byteOffset, lengthOf(bytes, 4)),
    read(words: Float32Array, at, count) {
      const numbers = float64Array(count);
      for (let n = 0; n < count; n++) numbers[n] = words[at + n];
      return numbers;
    },
    write(data, words: Float32Array, at) {
      for (let n = 0; n < data.length; n++) words[at + n] = data[n];
    },
  },
  {
    name: 'F16',
    dtype: 'float16',
    itemSize: 2,
    words: halfWords,
    read(words: Uint16Array, at, count) {
      const numbers = float64Array(count);
      for (let n = 0; n < count; n++) numbers[n] = halves[words[at + n]];
      return numbers;
    },
    write(data, words: Uint16Array, at) {
      for (let n = 0; n < data.length; n++) {
        single[0] = data[n];
        words[at + n] = halfOf(singleWord[0], data[n]);
      }
    },
  },
  {
    // The upper half of a float32: a number of this type survives the cut.
    name: 'BF16',
    dtype: 'bfloat16',
    itemSize: 2,
    words: halfWords,
    read(words: Uint16Array, at, count) {
      const numbers = float64Array(count);
      upperWord[0] = 0;
      for (let n = 0; n < count; n++) {
        upperWord[1] = words[at + n];
        numbers[n] = single[0];
      }
      return numbers;
    },
    write(data, words: Uint16Array, at) {
      for (let n = 0; n < data.length; n++) {
        single[0] = data[n];
        words[at + n] = upperWord[1];
      }
    },
  },
  {
    name: 'I64',
    dtype: 'int64',
    itemSize: 8,
    words: (bytes) => new BigInt64Array(bytes.buffer, bytes.byteOffset, lengthOf(bytes, 8)),
    read: (words: BigInt64Array, at, count) => Float64Array.from(words.subarray(at, at + count), Number),
    write(data, words: BigInt64Array, at) {
      for (let n = 0; n < data.length; n++) words[at + n] = BigInt(data[n]);
    },
  },
  {
    name: 'BOOL',
    dtype: 'bool',
    itemSize: 1,
    words: (bytes) => bytes,
    read(words: Uint8Array, at, count) {
      const bits = uint8Array(count);
      for (let n = 0; n < count; n++) bits[n] = words[at + n] === 0 ? 0 : 1;
      return bits;
    },
    write(data, words: Uint8Array, at) {
      for (let n = 0; n < data.length; n++) words[at + n] = data[n];
    },
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
  const ordered = formats
    .toSorted((a, b) => b.itemSize - a.itemSize)
    .flatMap((format) => entries.filter((entry) => entry.format === format));
  let size = 0;
  let header = Object.keys(metadata).length > 0 ? `{"__metadata__":${JSON.stringify(metadata)}` : '{';
  for (const { name, tensor, format } of ordered) {
    const end = size + tensor.data.length * format.itemSize;
    const comma = header === '{' ? '' : ',';
    header += `${comma}${JSON.stringify(name)}:{"dtype":"${format.name}","shape":[${tensor.shape.join(',')}],"data_offsets":[${size},${end}]}`;
    size = end;
  }
  header += '}';
  const textSize = Buffer.byteLength(header);
  const headerSize = Math.ceil(textSize / WORD) * WORD;
  const from = offset + WORD + headerSize;
  const bytes = new Uint8Array(from + size);
  new DataView(bytes.buffer).setBigUint64(offset, BigInt(headerSize), true);
  Buffer.from(bytes.buffer).write(header, offset + WORD);
  bytes.fill(0x20, offset + WORD + textSize, from);
  const numbers = new WordsOf(bytes.subarray(from));
  let place = 0;
  for (const { tensor, format } of ordered) {
    format.write(tensor.data, numbers.as(format), place / format.itemSize);
    place += tensor.data.length * format.itemSize;
  }
  return bytes;
}

/** The numbers of a file, as words of each of its formats. */
class WordsOf {
  readonly #bytes: Uint8Array;
  readonly #views = new Map<Format, Words>();

  constructor(bytes: Uint8Array) {
    // Buffer's own `slice` would not copy.
    this.#bytes = bytes.byteOffset % WORD === 0 ? bytes : Uint8Array.prototype.slice.call(bytes);
  }

  as(format: Format): Words {
    let view = this.#views.get(format);
    if (view === undefined) this.#views.set(format, (view = format.words(this.#bytes)));
    return view;
  }

  /** A tensor's numbers. Not every writer puts each at a multiple of its own size. */
  read(format: Format, begin: number, end: number): Numbers {
    const count = (end - begin) / format.itemSize;
    if (begin % format.itemSize === 0) return format.read(this.as(format), begin / format.itemSize, count);
    return format.read(format.words(Uint8Array.prototype.slice.call(this.#bytes, begin, end)), 0, count);
  }
}

/** Reads a whole file. Throws a SafetensorsError that says what is wrong with it. */
export function readSafetensors(file: Uint8Array): Safetensors {
  const { header, from } = headerOf(file);
  const { __metadata__: metadata = {} } = header;
  if (!isRecord(metadata) || Object.values(metadata).some((text) => typeof text !== 'string'))
    throw new SafetensorsError('__metadata__ holds something else than strings.');
  const entries: Entry[] = [];
  const tensors = new Map<string, Tensor>();
  const numbers = new WordsOf(file.subarray(from));
  for (const name in header) {
    if (name === '__metadata__') continue;
    const entry = entryOf(name, header[name], file.length - from);
    const data = numbers.read(entry.format, entry.begin, entry.end);
    tensors.set(name, { dtype: entry.format.dtype, shape: entry.shape, data } as Tensor);
    entries.push(entry);
  }
  checkGapless(entries, file.length - from);
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

/** A tensor in a file: its numbers are bytes `begin` to `end` behind the header. */
interface Entry {
  readonly format: Format;
  readonly shape: readonly number[];
  readonly begin: number;
  readonly end: number;
}

function entryOf(name: string, entry: unknown, size: number): Entry {
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

function checkGapless(entries: Entry[], size: number): void {
  let at = 0;
  for (const { begin, end } of entries.sort((a, b) => a.begin - b.begin || a.end - b.end)) {
    if (begin !== at) throw new SafetensorsError(`The tensors overlap or leave a gap at byte ${Math.min(at, begin)}.`);
    at = end;
  }
  if (at !== size) throw new SafetensorsError(`${size - at} bytes at the end belong to no tensor.`);
}

const isCounts = (x: unknown): x is number[] =>
  Array.isArray(x) && x.every((n) => Number.isSafeInteger(n) && (n as number) >= 0);

const isRecord = (x: unknown): x is Record<string, unknown> => typeof x === 'object' && x !== null && !Array.isArray(x);
