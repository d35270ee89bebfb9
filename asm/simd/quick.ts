// The quick way through SSE arithmetic: the host's own IEEE 754 operations, where they give the same result and flags.
// That is so with all exceptions masked, rounding to nearest, PE already set, and normal (or zero) operands and results: then
// only PE can be raised, and it is there (SDM Vol. 1 "MXCSR Control and Status Register").
import { MXCSR } from '../layout';
import { DEST, RESULT, SOURCE } from './operands';

/** Masks and PE set; DAZ, RC and FTZ clear. */
const REQUIRED: u32 = 0x1fa0;
const LOOKED_AT: u32 = 0xffe0;

// @ts-ignore: decorator
@inline
function isNormal64(v: u64): bool {
  return ((v >> 52) & 0x7ff) - 1 < 0x7fe;
}
// @ts-ignore: decorator
@inline
function isNormal32(v: u32): bool {
  return ((v >> 23) & 0xff) - 1 < 0xfe;
}

/** A result in the lowest binade may have been rounded up to it from below: that is an underflow. */
// @ts-ignore: decorator
@inline
function isSafe64(v: u64): bool {
  return ((v >> 52) & 0x7ff) - 2 < 0x7fd;
}
// @ts-ignore: decorator
@inline
function isSafe32(v: u32): bool {
  return ((v >> 23) & 0xff) - 2 < 0xfd;
}

/** One double-precision element; n as in `arithmetic`: 0 add, 1 mul, 2 sub, 4 div, 6 sqrt. */
function quick64(n: u32, at: u32): bool {
  const a = load<u64>(DEST + at);
  const b = load<u64>(SOURCE + at);
  if (!isNormal64(b) || (n != 6 && !isNormal64(a))) return false;
  const x = reinterpret<f64>(a);
  const y = reinterpret<f64>(b);
  let z: f64;
  if (n == 0) z = x + y;
  else if (n == 1) z = x * y;
  else if (n == 2) z = x - y;
  else if (n == 4) z = x / y;
  else z = sqrt<f64>(y);
  const bits = reinterpret<u64>(z);
  if (!isSafe64(bits) && !(z == 0.0 && (n == 0 || n == 2))) return false;
  store<u64>(RESULT + at, bits);
  return true;
}

function quick32(n: u32, at: u32): bool {
  const a = load<u32>(DEST + at);
  const b = load<u32>(SOURCE + at);
  if (!isNormal32(b) || (n != 6 && !isNormal32(a))) return false;
  const x = reinterpret<f32>(a);
  const y = reinterpret<f32>(b);
  let z: f32;
  if (n == 0) z = x + y;
  else if (n == 1) z = x * y;
  else if (n == 2) z = x - y;
  else if (n == 4) z = x / y;
  else z = sqrt<f32>(y);
  const bits = reinterpret<u32>(z);
  if (!isSafe32(bits) && !(z == 0.0 && (n == 0 || n == 2))) return false;
  store<u32>(RESULT + at, bits);
  return true;
}

/** Operation n on the first `end` bytes; false when it has to be done exactly. RESULT's rest is as it was. */
export function quickArithmetic(n: u32, end: u32, double: bool): bool {
  if ((load<u32>(MXCSR) & LOOKED_AT) != REQUIRED || n == 3 || n == 5) return false;
  if (double) {
    for (let at: u32 = 0; at < end; at += 8) if (!quick64(n, at)) return false;
  } else {
    for (let at: u32 = 0; at < end; at += 4) if (!quick32(n, at)) return false;
  }
  return true;
}
