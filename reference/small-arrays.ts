/**
 * Arrays of zeros, small ones side by side in larger pieces of memory. A suite makes a dozen of them a case, and an ArrayBuffer of
 * its own costs ten times what a hundred numbers do, most of it when it is collected.
 *
 * Such an array is a view: its `buffer` holds others, so what leaves for somebody else's code is copied first, with `slice`.
 */
const pieceSize = 1 << 16;
/** What is larger has memory of its own: little of a piece is to be left over, or kept alive by one array. */
const largest = pieceSize >> 4;
const word = Float64Array.BYTES_PER_ELEMENT;

let piece = new ArrayBuffer(pieceSize);
let used = 0;

/** The first of `size` free bytes, at a multiple of 8. */
function take(size: number): number {
  if (used + size > pieceSize) {
    piece = new ArrayBuffer(pieceSize);
    used = 0;
  }
  const at = used;
  used = Math.ceil((at + size) / word) * word;
  return at;
}

export function float64Array(length: number): Float64Array<ArrayBuffer> {
  const size = length * word;
  if (size > largest) return new Float64Array(length);
  const at = take(size);
  return new Float64Array(piece, at, length);
}

export function uint8Array(length: number): Uint8Array<ArrayBuffer> {
  if (length > largest) return new Uint8Array(length);
  const at = take(length);
  return new Uint8Array(piece, at, length);
}
