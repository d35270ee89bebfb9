// The kernel's random numbers: a function of the seed, so that a run can be repeated (random(4), getrandom(2)).

/** xorshift128+ on 64-bit halves: fast, and good enough for what is no secret. */
export class RandomSource {
  #a: bigint;
  #b: bigint;

  constructor(seed: number) {
    this.#a = BigInt.asUintN(64, BigInt(seed) * 0x9e37_79b9_7f4a_7c15n + 0x1234_5678_9abc_def1n);
    this.#b = BigInt.asUintN(64, this.#a ^ 0xd1b5_4a32_d192_ed03n);
  }

  next(): bigint {
    let x = this.#a;
    const y = this.#b;
    this.#a = y;
    x = BigInt.asUintN(64, x ^ (x << 23n));
    this.#b = x ^ y ^ (x >> 18n) ^ (y >> 5n);
    return BigInt.asUintN(64, this.#b + y);
  }

  fill(into: Uint8Array): void {
    const word = new Uint8Array(8);
    const view = new DataView(word.buffer);
    for (let at = 0; at < into.length; at += 8) {
      view.setBigUint64(0, this.next(), true);
      into.set(at + 8 <= into.length ? word : word.subarray(0, into.length - at), at);
    }
  }
}
