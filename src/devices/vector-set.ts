// A set of interrupt vectors as the local APIC shows it: 256 bits in eight 32-bit registers
// (SDM Vol. 3 "Interrupt Acceptance for Fixed Interrupts").

/** 256 bits with "highest set". Vector 0 is never a member. */
export class VectorSet {
  readonly #words = new Uint32Array(8);

  add(vector: number): void {
    this.#words[vector >> 5]! |= 1 << (vector & 31);
  }

  delete(vector: number): void {
    this.#words[vector >> 5]! &= ~(1 << (vector & 31));
  }

  clear(): void {
    this.#words.fill(0);
  }

  has(vector: number): boolean {
    return ((this.#words[vector >> 5]! >>> (vector & 31)) & 1) === 1;
  }

  /** The highest member, 0 for none. */
  highest(): number {
    for (let index = 7; index >= 0; index--) {
      const word = this.#words[index]!;
      if (word !== 0) return index * 32 + 31 - Math.clz32(word);
    }
    return 0;
  }

  /** Register `index` of eight. */
  word(index: number): number {
    return this.#words[index] ?? 0;
  }

  save(): number[] {
    return [...this.#words];
  }

  load(words: readonly number[]): void {
    this.#words.set(words);
  }
}
