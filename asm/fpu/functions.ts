// Series for the transcendental functions, on the accumulator of double-double.ts: power series after a reduction to small
// arguments. The coefficients are quotients of integers, pi and arc tangents, split into a double and its rest.
import { multiplyWide, wideHigh, wideLow } from './wide';
import { add, divide, high, low, multiply, set } from './double-double';

/** 1 / n! */
const INVERSE_FACTORIALS: usize = memory.data<f64>([
  1.0, 0.0,
  1.0, 0.0,
  0.5, 0.0,
  0.16666666666666666, 9.25185853854297e-18,
  0.041666666666666664, 2.3129646346357427e-18,
  0.008333333333333333, 1.1564823173178714e-19,
  0.001388888888888889, -5.300543954373577e-20,
  0.0001984126984126984, 1.7209558293420705e-22,
  2.48015873015873e-05, 2.1511947866775882e-23,
  2.7557319223985893e-06, -1.858393274046472e-22,
  2.755731922398589e-07, 2.3767714622250297e-23,
  2.505210838544172e-08, -1.448814070935912e-24,
  2.08767569878681e-09, -1.20734505911326e-25,
  1.6059043836821613e-10, 1.2585294588752098e-26,
  1.1470745597729725e-11, 2.0655512752830745e-28,
  7.647163731819816e-13, 7.03872877733453e-30,
  4.779477332387385e-14, 4.399205485834081e-31,
  2.8114572543455206e-15, 1.6508842730861433e-31,
  1.5619206968586225e-16, 1.1910679660273754e-32,
  8.22063524662433e-18, 2.2141894119604265e-34,
  4.110317623312165e-19, 1.4412973378659527e-36,
  1.9572941063391263e-20, -1.3643503830087908e-36,
  8.896791392450574e-22, -7.911402614872376e-38,
  3.868170170630684e-23, -8.843177655482344e-40,
  1.6117375710961184e-24, -3.6846573564509766e-41,
  6.446950284384474e-26, -1.9330404233703465e-42,
  2.4795962632247976e-27, -1.2953730964765229e-43,
  9.183689863795546e-29, 1.4303150396787322e-45,
  3.279889237069838e-30, 1.5117542744029879e-46,
]);
/** 1 / (2n + 1) */
const INVERSE_ODD: usize = memory.data<f64>([
  1.0, 0.0,
  0.3333333333333333, 1.850371707708594e-17,
  0.2, -1.1102230246251566e-17,
  0.14285714285714285, 7.93016446160826e-18,
  0.1111111111111111, 6.1679056923619804e-18,
  0.09090909090909091, -2.523234146875356e-18,
  0.07692307692307693, -4.270088556250602e-18,
  0.06666666666666667, 9.251858538542971e-19,
  0.058823529411764705, 8.163404592832033e-19,
  0.05263157894736842, 2.921639538487254e-18,
  0.047619047619047616, 2.64338815386942e-18,
  0.043478260869565216, 1.206764157201257e-18,
  0.04, -8.326672684688674e-19,
  0.037037037037037035, 2.05596856412066e-18,
  0.034482758620689655, 4.785444071660157e-19,
  0.03225806451612903, 8.953411488912552e-19,
  0.030303030303030304, -8.410780489584519e-19,
  0.02857142857142857, 8.921435019309293e-19,
  0.02702702702702703, -1.50030138462859e-18,
  0.02564102564102564, 8.896017825522087e-19,
  0.024390243902439025, -8.46206573647223e-19,
  0.023255813953488372, 3.2273925134452225e-19,
  0.022222222222222223, -8.480870326997723e-19,
  0.02127659574468085, 5.167261417803255e-19,
  0.02040816326530612, 1.6285159162231251e-18,
  0.0196078431372549, 2.7211348642773444e-19,
]);
/** atan(n / 16) */
const ARC_TANGENTS: usize = memory.data<f64>([
  0.0, 0.0,
  0.06241880999595735, -1.5490756308295046e-18,
  0.12435499454676144, -3.1253241424539383e-18,
  0.18534794999569476, 4.180692268843079e-18,
  0.24497866312686414, 1.0698755618734451e-17,
  0.3028848683749714, -1.1010827903001369e-17,
  0.35877067027057225, -2.4623815582638635e-17,
  0.4124104415973873, -1.587652227770689e-17,
  0.4636476090008061, 2.2698777452961687e-17,
  0.5123894603107377, -2.5462781472855804e-17,
  0.5585993153435624, -5.4556305485916264e-18,
  0.6022873461349642, 2.950430737228402e-17,
  0.6435011087932844, 1.5834785051444286e-17,
  0.6823165548747481, 6.943223671560008e-18,
  0.7188299996216245, -2.1478388444456983e-17,
  0.7531512809621944, -2.4256934659182068e-17,
  0.7853981633974483, 3.061616997868383e-17,
]);
const HALF_PI_HIGH: f64 = 1.5707963267948966;
const HALF_PI_LOW: f64 = 6.123031769111886e-17;
/** 2 / pi for pi of 66 bits, as processors reduce with (SDM Vol. 1 "Approximation of Pi"), 256 bits after the point. */
const TWO_OVER_PI_0: u64 = 0xa2f9836e4e44152a;
const TWO_OVER_PI_1: u64 = 0x00062bc40da276be;
const TWO_OVER_PI_2: u64 = 0xd4c1fdf9055cd5ba;
const TWO_OVER_PI_3: u64 = 0x767cec1f80d6c260;

// @ts-ignore: decorator
@inline
function addEntry(table: usize, n: u32): void {
  add(load<f64>(table + (n << 4)), load<f64>(table + (n << 4), 8));
}
// @ts-ignore: decorator
@inline
function setEntry(table: usize, n: u32): void {
  set(load<f64>(table + (n << 4)), load<f64>(table + (n << 4), 8));
}

/** e^x - 1 for |x| <= ln 2. */
export function expm1(): void {
  const h = high;
  const l = low;
  setEntry(INVERSE_FACTORIALS, 28);
  for (let n: u32 = 27; n > 0; n--) {
    multiply(h, l);
    addEntry(INVERSE_FACTORIALS, n);
  }
  multiply(h, l);
}

/** sin x for |x| <= pi / 4. */
export function sine(): void {
  const h = high;
  const l = low;
  multiply(h, l);
  const sh = -high;
  const sl = -low;
  setEntry(INVERSE_FACTORIALS, 27);
  for (let n: i32 = 25; n > 0; n -= 2) {
    multiply(sh, sl);
    addEntry(INVERSE_FACTORIALS, n);
  }
  multiply(h, l);
}

/** cos x for |x| <= pi / 4. */
export function cosine(): void {
  multiply(high, low);
  const sh = -high;
  const sl = -low;
  setEntry(INVERSE_FACTORIALS, 28);
  for (let n: i32 = 26; n >= 0; n -= 2) {
    multiply(sh, sl);
    addEntry(INVERSE_FACTORIALS, n);
  }
}

/** 2 artanh s: ln((1 + s) / (1 - s)) for |s| < 0.18. */
function artanhTwice(): void {
  const h = high;
  const l = low;
  multiply(h, l);
  const sh = high;
  const sl = low;
  setEntry(INVERSE_ODD, 24);
  for (let n: i32 = 23; n >= 0; n--) {
    multiply(sh, sl);
    addEntry(INVERSE_ODD, n);
  }
  multiply(h, l);
  set(high * 2.0, low * 2.0);
}

/** ln x for x between sqrt(1/2) and sqrt(2). */
export function logarithm(): void {
  const h = high;
  const l = low;
  add(1.0, 0.0);
  const dh = high;
  const dl = low;
  set(h, l);
  add(-1.0, 0.0);
  divide(dh, dl);
  artanhTwice();
}

/** ln(1 + x) for x > -1. */
export function logarithm1p(): void {
  const h = high;
  const l = low;
  if (h < -0.2928932188134525 || h > 0.41421356237309503) {
    // outside of the instruction's range: an ordinary logarithm in steps of 2
    add(1.0, 0.0);
    let steps: f64 = 0.0;
    while (high > 1.4142135623730951) {
      set(high * 0.5, low * 0.5);
      steps += 1.0;
    }
    while (high < 0.7071067811865476 && high > 0.0) {
      set(high * 2.0, low * 2.0);
      steps -= 1.0;
    }
    logarithm();
    const a = high;
    const b = low;
    set(0.6931471805599453, 2.3190468138462996e-17);
    multiply(steps, 0.0);
    add(a, b);
    return;
  }
  add(2.0, 0.0);
  const dh = high;
  const dl = low;
  set(h, l);
  divide(dh, dl);
  artanhTwice();
}

/** atan x for 0 <= x <= 1: atan(c) + atan((x - c) / (1 + x c)) with c = n / 16 near x. */
export function atan(): void {
  const n = u32(high * 16.0 + 0.5);
  const c = f64(n) / 16.0;
  const h = high;
  const l = low;
  if (n) {
    multiply(c, 0.0);
    add(1.0, 0.0);
    const dh = high;
    const dl = low;
    set(h, l);
    add(-c, 0.0);
    divide(dh, dl);
  }
  const uh = high;
  const ul = low;
  multiply(uh, ul);
  const sh = -high;
  const sl = -low;
  setEntry(INVERSE_ODD, 13);
  for (let k: i32 = 12; k >= 0; k--) {
    multiply(sh, sl);
    addEntry(INVERSE_ODD, k);
  }
  multiply(uh, ul);
  if (n) addEntry(ARC_TANGENTS, n);
}

/** What `reduce` leaves: x - n pi/2. */
export let reducedHigh: f64 = 0.0;
export let reducedLow: f64 = 0.0;

let carry: u64 = 0;
/** Low word of a * b + carry; the new carry is the high word. */
function step(a: u64, b: u64): u64 {
  multiplyWide(a, b);
  const sum = wideLow + carry;
  carry = wideHigh + u64(sum < wideLow);
  return sum;
}

/** Reduces sig / 2^63 * 2^exp (-1 <= exp < 63) by the nearest multiple n of pi / 2; returns n modulo 4. */
export function reduce(sig: u64, exp: i32): u32 {
  carry = 0;
  let w3 = step(sig, TWO_OVER_PI_3);
  let w2 = step(sig, TWO_OVER_PI_2);
  let w1 = step(sig, TWO_OVER_PI_1);
  let w0 = step(sig, TWO_OVER_PI_0);
  let whole = carry;
  // times 2^(exp - 63): a shift to the right by 1 to 64 bits
  const shift = u32(63 - exp);
  if (shift == 64) {
    w3 = w2;
    w2 = w1;
    w1 = w0;
    w0 = whole;
    whole = 0;
  } else {
    const left = 64 - shift;
    w3 = (w3 >> shift) | (w2 << left);
    w2 = (w2 >> shift) | (w1 << left);
    w1 = (w1 >> shift) | (w0 << left);
    w0 = (w0 >> shift) | (whole << left);
    whole >>= shift;
  }
  let n = u32(whole) & 3;
  const above = (w0 >> 63) != 0;
  if (above) {
    // 1 - fraction, negative
    n = (n + 1) & 3;
    w0 = ~w0;
    w1 = ~w1;
    w2 = ~w2;
  }
  // the leading bits of the fraction as a double and its rest
  let scale: f64 = 5.421010862427522e-20;
  while (w0 >> 63 == 0 && scale > 1e-60) {
    w0 = (w0 << 1) | (w1 >> 63);
    w1 = (w1 << 1) | (w2 >> 63);
    w2 <<= 1;
    scale *= 0.5;
  }
  const h = f64(w0 & 0xfffffffffffff800) * scale;
  const l = (f64(w0 & 0x7ff) + f64(w1 & 0xfffffffffffff800) * 5.421010862427522e-20) * scale;
  set(h, l);
  multiply(HALF_PI_HIGH, HALF_PI_LOW);
  reducedHigh = above ? -high : high;
  reducedLow = above ? -low : low;
  return n;
}
