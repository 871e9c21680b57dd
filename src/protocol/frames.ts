/** Frames on a pipe: a little-endian u32 with the length of what follows, and that many bytes, which are one safetensors file. */

/**
 * The longest frame, in bytes. Below 0x09000000, so that text which someone prints between the frames is never taken
 * for a length: its fourth byte is a tab, a line's end or a letter.
 */
export const MAX_FRAME = 0x08000000;
const PREFIX = 4;
/** Prefix, the file's own u64, and the brace that opens its header. */
const ENOUGH_TO_TELL = PREFIX + 8 + 1;

/** Bytes that are not the beginning of a frame. */
export class FrameError extends Error {
  override readonly name = 'FrameError';
  /** What stands where a frame is due, as far as it has arrived. */
  readonly found: Uint8Array;
  /** The length that a frame claims to have, where it is otherwise a plausible one. */
  readonly length?: number;

  constructor(message: string, found: Uint8Array, length?: number) {
    super(message);
    this.found = found;
    this.length = length;
  }
}

/** Puts the length before a file that leaves `FRAME_OFFSET` bytes of room in front of it. */
export const FRAME_OFFSET = 8;
export function framed(bytes: Uint8Array<ArrayBuffer>): Uint8Array {
  new DataView(bytes.buffer).setUint32(FRAME_OFFSET - PREFIX, bytes.length - FRAME_OFFSET, true);
  return bytes.subarray(FRAME_OFFSET - PREFIX);
}

/** Cuts a stream of bytes into frames. */
export class FrameReader {
  #chunks: Uint8Array[] = [];
  #size = 0;

  /** Whether the stream stands within a frame. */
  get partial(): number {
    return this.#size;
  }

  /** The files of the frames that are complete now. Throws a FrameError as soon as what comes cannot be one. */
  push(chunk: Uint8Array): Uint8Array[] {
    this.#chunks.push(chunk);
    this.#size += chunk.length;
    const files: Uint8Array[] = [];
    for (;;) {
      const head = this.#head();
      if (head.length < PREFIX) return files;
      const length = readLength(head);
      if (length === undefined || this.#size < PREFIX + length) return files;
      files.push(this.#take(PREFIX + length).subarray(PREFIX));
    }
  }

  /** The first bytes in one piece. */
  #head(): Uint8Array {
    const [first] = this.#chunks;
    if (this.#chunks.length > 1 && first.length < ENOUGH_TO_TELL) this.#chunks = [Buffer.concat(this.#chunks)];
    return this.#chunks[0] ?? new Uint8Array();
  }

  #take(size: number): Uint8Array {
    const all = this.#chunks.length === 1 ? this.#chunks[0] : Buffer.concat(this.#chunks);
    this.#size -= size;
    this.#chunks = this.#size > 0 ? [all.subarray(size)] : [];
    return all.subarray(0, size);
  }
}

/** The length of the frame that begins here; undefined while that cannot be told. */
function readLength(head: Uint8Array): number | undefined {
  const view = new DataView(head.buffer, head.byteOffset, head.length);
  const length = view.getUint32(0, true);
  if (length > MAX_FRAME) {
    const isText = head.subarray(0, PREFIX).every((byte) => byte >= 0x09 && byte !== 0x7f);
    throw new FrameError(`a length of ${length} bytes`, head, isText ? undefined : length);
  }
  if (head.length < ENOUGH_TO_TELL) return length < ENOUGH_TO_TELL - PREFIX ? fail(head) : undefined;
  const isHeader = head[PREFIX + 8] === 0x7b && view.getBigUint64(PREFIX, true) <= BigInt(length - 8);
  return isHeader ? length : fail(head);
}

function fail(head: Uint8Array): never {
  throw new FrameError('no safetensors file', head);
}
