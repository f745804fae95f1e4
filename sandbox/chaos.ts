/** The worst that may happen to events on their way, decided by a seed. */
const MOST_DELAY_MS = 300;

/** How long each copy of the next event is on its way; no copy where it is lost for good, which is half of them. */
export function createChaos(seed: number): () => number[] {
  const random = generator(seed);
  return () => {
    if (random() < 0.5) return [];
    const copies = random() < 0.5 ? 1 : 2;
    return Array.from({ length: copies }, () => Math.floor(random() * (MOST_DELAY_MS + 1)));
  };
}

/** Numbers from 0 to 1 by mulberry32: small, and the same everywhere for the same seed. */
function generator(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
