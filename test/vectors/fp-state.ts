// The floating-point part of a vector: loading it into the core's state and comparing what comes out, within the tolerance
// that approximate instructions have ("Hardware vectors: what they are and how to read them", What to compare).
import { FPU_CONTROL, FPU_STATUS, FPU_TAGS, MXCSR, X87, XMM } from '../../asm/layout.ts';
import { APPROXIMATE, type FpState, type Vector } from './vector-file.ts';

const INITIAL: FpState = {
  fcw: 0x37f,
  fsw: 0,
  ftw: 0,
  mxcsr: 0x1f80,
  x87: new Uint8Array(80),
  xmm: new Uint8Array(256),
};
/** Units in the last place by which a transcendental function may differ. */
const X87_TOLERANCE = 1n;
const RECIPROCAL_TOLERANCE = 1.5 * 2 ** -12;

/** Loads a vector's state, or the initial one. */
export function loadFpState(view: DataView, state: FpState = INITIAL): void {
  const bytes = new Uint8Array(view.buffer, view.byteOffset);
  for (let n = 0; n < 8; n++) bytes.set(state.x87.subarray(10 * n, 10 * n + 10), X87 + 16 * n);
  bytes.set(state.xmm, XMM);
  view.setUint16(FPU_CONTROL, state.fcw, true);
  view.setUint16(FPU_STATUS, state.fsw, true);
  view.setUint8(FPU_TAGS, state.ftw);
  view.setUint32(MXCSR, state.mxcsr, true);
}

const hex = (bytes: Uint8Array) => Buffer.from(bytes).reverse().toString('hex');

/** An 80-bit number on a line where neighbours differ by 1, for distances in units of the last place. */
function ordinal(bytes: Uint8Array): bigint {
  const value = BigInt(`0x${hex(bytes)}`);
  const sign = value >> 79n;
  const significand = value & ((1n << 64n) - 1n);
  const exponent = (value >> 64n) & 0x7fffn;
  const magnitude =
    ((exponent === 0n ? 1n : exponent) << 63n) +
    (significand & ((1n << 63n) - 1n)) +
    (exponent === 0n ? significand & (1n << 63n) : 0n);
  return sign ? -magnitude : magnitude;
}

function isClose(found: Uint8Array, expected: Uint8Array): boolean {
  const distance = ordinal(found) - ordinal(expected);
  return (distance < 0n ? -distance : distance) <= X87_TOLERANCE;
}

function areCloseSingles(found: Uint8Array, expected: Uint8Array): boolean {
  const a = new DataView(found.slice().buffer);
  const b = new DataView(expected.slice().buffer);
  return [0, 4, 8, 12].every((at) => {
    if (a.getUint32(at, true) === b.getUint32(at, true)) return true;
    const [x, y] = [a.getFloat32(at, true), b.getFloat32(at, true)];
    return Math.abs(x - y) <= RECIPROCAL_TOLERANCE * Math.abs(y);
  });
}

/** Differences between the core's floating-point state and what was recorded, in words. */
export function compareFpState(view: DataView, v: Vector): string[] {
  const differences: string[] = [];
  const expected = v.fpOut!;
  const approximate = (v.flags & APPROXIMATE) !== 0;
  const word = (what: string, found: number, wanted: number) => {
    if (found !== wanted) differences.push(`${what} ${found.toString(16)} instead of ${wanted.toString(16)}`);
  };
  const fswMask = 0xffff & ~v.undefinedFsw;
  word('fcw', view.getUint16(FPU_CONTROL, true), expected.fcw);
  word('fsw', view.getUint16(FPU_STATUS, true) & fswMask, expected.fsw & fswMask);
  word('ftw', view.getUint8(FPU_TAGS), expected.ftw);
  word('mxcsr', view.getUint32(MXCSR, true), expected.mxcsr);
  const bytes = new Uint8Array(view.buffer, view.byteOffset);
  for (let n = 0; n < 8; n++) {
    if ((v.undefinedX87 >> n) & 1 || !((expected.ftw >> n) & 1)) continue;
    const found = bytes.subarray(X87 + 16 * n, X87 + 16 * n + 10);
    const wanted = expected.x87.subarray(10 * n, 10 * n + 10);
    if (Buffer.compare(found, wanted) === 0 || (approximate && isClose(found, wanted))) continue;
    differences.push(`r${n} ${hex(found)} instead of ${hex(wanted)}`);
  }
  for (let n = 0; n < 16; n++) {
    const found = bytes.subarray(XMM + 16 * n, XMM + 16 * n + 16);
    const wanted = expected.xmm.subarray(16 * n, 16 * n + 16);
    if (Buffer.compare(found, wanted) === 0 || (approximate && areCloseSingles(found, wanted))) continue;
    differences.push(`xmm${n} ${hex(found)} instead of ${hex(wanted)}`);
  }
  return differences;
}
