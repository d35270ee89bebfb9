// The exports of cpu.wasm.
export { run } from './run';
export {
  chargeClass,
  initialize,
  inject,
  loadFlags,
  loadLinear,
  loadPhysical,
  notePhysicalWrite,
  openCpu,
  recomputeSegments,
  reset,
  stateLoaded,
  storeLinear,
  storePhysical,
  syncFlags,
  translate,
  vmreadField,
  vmwriteField,
} from './calls';
export { setPageKind, setRamSize, setRomSize } from './physical';
export { selectCpu } from './processors/select';
export { flushBlocks } from './blocks';
export { flushAllBanks } from './tlb';
