/** How often what has to be the same every time is done again: MASKPROOF_REPEATS, or a few times. */
export const repeats = (usual: number): number => Number(process.env.MASKPROOF_REPEATS ?? usual);

/** A report's text with its times taken out. */
export const timeless = (text: string): string => text.replaceAll(/"seconds": [\d.e+-]+/g, '"seconds": 0');
