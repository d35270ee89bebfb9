// A small seeded generator for tests that draw millions of numbers: the same seed gives the same sequence everywhere.
// (Marsaglia's xorshift with a multiplicative finish; fast-check is used where shrinking matters more than speed.)

/** Random numbers from a seed. */
export class Random {
  #state: number;

  constructor(seed: number) {
    this.#state = Math.imul(seed + 1, 0x9e3779b1) >>> 0 || 1;
    for (let n = 0; n < 4; n++) this.u32();
  }

  u32(): number {
    let x = this.#state;
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    this.#state = x >>> 0;
    x = Math.imul(x ^ (x >>> 16), 0x85ebca6b);
    return (x ^ (x >>> 13)) >>> 0;
  }

  /** 0 to n - 1. */
  below(n: number): number {
    return Math.floor((this.u32() / 0x1_0000_0000) * n);
  }

  /** True once in n. */
  oneIn(n: number): boolean {
    return this.below(n) === 0;
  }

  pick<T>(values: readonly T[]): T {
    return values[this.below(values.length)]!;
  }
}
