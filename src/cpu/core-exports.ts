// The functions of cpu.wasm (asm/index.ts). Addresses are two 32-bit halves, results unsigned 32-bit numbers as WASM
// gives them: signed.

/** What asm/index.ts exports. */
export interface CoreExports {
  run(): void;
  inject(): number;
  initialize(): void;
  reset(): void;
  loadLinear(low: number, high: number, size: number): number;
  storeLinear(low: number, high: number, size: number, value: number): void;
  loadPhysical(low: number, high: number, size: number): number;
  storePhysical(low: number, high: number, size: number, value: number): void;
  vmreadField(encoding: number): number;
  vmwriteField(encoding: number, low: number, high: number): void;
  chargeClass(costClass: number, times: number): void;
  syncFlags(): void;
  loadFlags(): void;
  recomputeSegments(): void;
  stateLoaded(): void;
  notePhysicalWrite(low: number, high: number, length: number): void;
  translate(low: number, high: number): number;
  setRamSize(low: number, high: number): void;
  setRomSize(size: number): void;
  setPageKind(page: number, kind: number): void;
  flushBlocks(): void;
  flushAllBanks(): void;
  selectCpu(n: number): void;
  openCpu(n: number, count: number): void;
}
