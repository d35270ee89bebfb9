// x87 and SSE state between the core's layout and the FXSAVE image of signal frames (SDM Vol. 1 "FXSAVE Area").
import { copyBytes } from '../copy-bytes.ts';
import type { Context } from '../platform.ts';

export const FXSAVE_SIZE = 512;
// The core's layout: R0 to R7 and XMM registers in 16 bytes each, then control words.
const CORE_XMM = 0x80;
const CORE_CONTROL = 0x180;
const CORE_STATUS = 0x184;
const CORE_TAGS = 0x188;
const CORE_MXCSR = 0x18c;
const CORE_OPCODE = 0x190;
const CORE_IP = 0x198;
const CORE_DP = 0x1a0;
const MXCSR_MASK = 0xffff;

/** The FXSAVE image; ST(i) is register TOP + i. `image` is all zero before. */
export function floatingPointToUser(core: Uint8Array, image: Uint8Array = new Uint8Array(FXSAVE_SIZE)): Uint8Array {
  const from = new DataView(core.buffer, core.byteOffset);
  const to = new DataView(image.buffer, image.byteOffset);
  to.setUint16(0, from.getUint16(CORE_CONTROL, true), true);
  to.setUint16(2, from.getUint16(CORE_STATUS, true), true);
  to.setUint8(4, from.getUint8(CORE_TAGS));
  to.setUint16(6, from.getUint16(CORE_OPCODE, true), true);
  copyBytes(core, CORE_IP, image, 8, 8);
  copyBytes(core, CORE_DP, image, 16, 8);
  to.setUint32(24, from.getUint32(CORE_MXCSR, true), true);
  to.setUint32(28, MXCSR_MASK, true);
  const top = (from.getUint16(CORE_STATUS, true) >> 11) & 7;
  for (let n = 0; n < 8; n++) copyBytes(core, ((top + n) & 7) * 16, image, 32 + 16 * n, 10);
  copyBytes(core, CORE_XMM, image, 160, 256);
  return image;
}

/** Takes the state of an FXSAVE image; reserved bits of MXCSR are dropped. */
export function floatingPointFromUser(context: Context, image: Uint8Array): void {
  // another array: the processor loads it anew
  const core = context.floatingPoint.slice();
  context.floatingPoint = core;
  const from = new DataView(image.buffer, image.byteOffset);
  const to = new DataView(core.buffer, core.byteOffset);
  const status = from.getUint16(2, true);
  to.setUint16(CORE_CONTROL, from.getUint16(0, true), true);
  to.setUint16(CORE_STATUS, status, true);
  to.setUint8(CORE_TAGS, from.getUint8(4));
  to.setUint16(CORE_OPCODE, from.getUint16(6, true), true);
  copyBytes(image, 8, core, CORE_IP, 8);
  copyBytes(image, 16, core, CORE_DP, 8);
  to.setUint32(CORE_MXCSR, from.getUint32(24, true) & MXCSR_MASK, true);
  const top = (status >> 11) & 7;
  for (let n = 0; n < 8; n++) copyBytes(image, 32 + 16 * n, core, ((top + n) & 7) * 16, 10);
  copyBytes(image, 160, core, CORE_XMM, 256);
}
