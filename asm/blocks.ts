// The block cache: decoded records by physical address and mode (DESIGN §4 "Decode once").

/** Makes the run loop leave the block after the current instruction and refuse to enter another. */
export function armBreak(): void {}

/** RAM under decoded code of this physical page changes: drops the page's blocks, also a running one. */
export function invalidateCode(page: u32): void {}
