// How a graph of objects is written: a table of strings, one of shapes, then for every object a head (what it is, enough to
// make it) and behind all heads the bodies (what is in it, in the same order), so that circles are no matter.

/** Written at the start of a graph; counts changes of this format. */
export const GRAPH_FORMAT = 1;

/** First byte of a head. */
export const HEAD = {
  /** A constant, function or class of the program, or something the host provides: a string. */
  named: 0,
  /** An object with properties: a shape. */
  record: 1,
  /** A length. */
  array: 2,
  /** A number of entries. */
  map: 3,
  set: 4,
  /** A number of bytes and the bytes. */
  buffer: 5,
  /** A view of a buffer: type, buffer, offset, length. */
  view: 6,
  /** A function with what it remembers: factory and number of values. */
  closure: 7,
  weakMap: 8,
  /** What they refer to stands behind the heads: a number of an object and 1, or 0 for nothing. */
  weakRef: 9,
} as const;

/** First byte of a value. */
export const VALUE = {
  undefined: 0,
  null: 1,
  false: 2,
  true: 3,
  /** A whole number as it is, and a negative one as its distance below 0. */
  positive: 4,
  negative: 5,
  double: 6,
  string: 7,
  bigint: 8,
  negativeBigint: 9,
  object: 10,
  symbol: 11,
  /** So many elements of an array are not there. */
  holes: 12,
} as const;

/** Kinds of views, in the order of their numbers. */
export const VIEWS = [
  Uint8Array,
  DataView,
  Uint32Array,
  Uint16Array,
  Int32Array,
  Float64Array,
  BigUint64Array,
  Int8Array,
  Int16Array,
  Uint8ClampedArray,
  Float32Array,
  BigInt64Array,
] as const;

/** Prefix of names of what the host provides. */
export const HOST = 'host:';
/** Class of objects without one. */
export const PLAIN = '';
/** Class of objects without a prototype. */
export const BARE = 'null';
