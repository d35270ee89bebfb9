// Double-double arithmetic: an unevaluated sum of two doubles holds some 106 bits (Dekker 1971, "A floating-point technique
// for extending the available precision"). One accumulator, high + low, as the functions need no more.

export let high: f64 = 0.0;
export let low: f64 = 0.0;

export function set(h: f64, l: f64): void {
  high = h;
  low = l;
}

// @ts-ignore: decorator
@inline
function renormalize(h: f64, l: f64): void {
  high = h + l;
  low = l - (high - h);
}

/** Accumulator plus h + l. */
export function add(h: f64, l: f64): void {
  const s = high + h;
  const v = s - high;
  const e = high - (s - v) + (h - v);
  const t = low + l;
  const w = t - low;
  const f = low - (t - w) + (l - w);
  const c = e + t;
  const s2 = s + c;
  const c2 = c - (s2 - s);
  renormalize(s2, c2 + f);
}

const SPLITTER: f64 = 134217729.0; // 2^27 + 1

let product: f64 = 0.0;
let productRest: f64 = 0.0;

/** product + productRest = a * b exactly. */
function twoProduct(a: f64, b: f64): void {
  const p = a * b;
  let t = SPLITTER * a;
  const ah = t - (t - a);
  const al = a - ah;
  t = SPLITTER * b;
  const bh = t - (t - b);
  const bl = b - bh;
  product = p;
  productRest = ah * bh - p + ah * bl + al * bh + al * bl;
}

/** Accumulator times h + l. */
export function multiply(h: f64, l: f64): void {
  twoProduct(high, h);
  renormalize(product, productRest + (high * l + low * h));
}

/** Accumulator divided by h + l. */
export function divide(h: f64, l: f64): void {
  const nh = high;
  const nl = low;
  const q1 = nh / h;
  // remainder = n - q1 * d
  set(h, l);
  multiply(-q1, 0.0);
  add(nh, nl);
  const q2 = high / h;
  const rh = high;
  const rl = low;
  set(h, l);
  multiply(-q2, 0.0);
  add(rh, rl);
  const q3 = high / h;
  set(q1, 0.0);
  add(q2, 0.0);
  add(q3, 0.0);
}
