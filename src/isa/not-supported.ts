// Encodings this processor model does not have, by name, so that a guest that meets one is told what it was instead of a bare #UD.
// Truth: SDM Vol. 2 Appendix A "Opcode Map".

/** Extension a range of encodings belongs to. The order is the number `notSupported` reports. */
export const EXTENSIONS = [
  'undefined opcode',
  'x87 instruction',
  'MMX instruction',
  'SSE instruction',
  'AVX instruction',
  'AVX-512 instruction',
  'FXSAVE/XSAVE instruction',
  'RDRAND/RDSEED instruction',
  'SMX instruction',
  'SGX or CET instruction',
] as const;

/** Name of an extension. */
export type Extension = (typeof EXTENSIONS)[number];

interface Range {
  readonly map: 0 | 1 | 2 | 3;
  readonly from: number;
  readonly to: number;
  readonly extension: Extension;
  /** Only with these ModRM.reg values, only with ModRM.mod == 3 (true) or a memory operand (false). */
  readonly digits?: readonly number[];
  readonly register?: boolean;
}

const range = (map: Range['map'], from: number, to: number, extension: Extension, digits?: number[]): Range =>
  digits ? { map, from, to, extension, digits } : { map, from, to, extension };

/** First match wins; encodings that have a row are never looked up here. */
export const NOT_SUPPORTED_RANGES: readonly Range[] = [
  range(0, 0x9b, 0x9b, 'x87 instruction'),
  range(0, 0xd8, 0xdf, 'x87 instruction'),
  { map: 0, from: 0xc4, to: 0xc5, extension: 'AVX instruction', register: true },
  { map: 0, from: 0x62, to: 0x62, extension: 'AVX-512 instruction', register: true },
  range(1, 0x10, 0x17, 'SSE instruction'),
  range(1, 0x28, 0x2f, 'SSE instruction'),
  range(1, 0x37, 0x37, 'SMX instruction'),
  range(1, 0x50, 0x5f, 'SSE instruction'),
  range(1, 0x60, 0x6b, 'MMX instruction'),
  range(1, 0x6c, 0x6d, 'SSE instruction'),
  range(1, 0x6e, 0x70, 'MMX instruction'),
  range(1, 0x71, 0x73, 'MMX instruction', [2, 4, 6]),
  range(1, 0x73, 0x73, 'SSE instruction', [3, 7]),
  range(1, 0x74, 0x77, 'MMX instruction'),
  range(1, 0x7c, 0x7d, 'SSE instruction'),
  range(1, 0x7e, 0x7f, 'MMX instruction'),
  range(1, 0xae, 0xae, 'FXSAVE/XSAVE instruction', [0, 1, 4, 5, 6]),
  range(1, 0xae, 0xae, 'SSE instruction', [2, 3, 7]),
  range(1, 0xc2, 0xc2, 'SSE instruction'),
  range(1, 0xc4, 0xc6, 'SSE instruction'),
  { map: 1, from: 0xc7, to: 0xc7, extension: 'RDRAND/RDSEED instruction', digits: [6, 7], register: true },
  { map: 1, from: 0xc7, to: 0xc7, extension: 'FXSAVE/XSAVE instruction', digits: [3, 4, 5], register: false },
  range(1, 0xd0, 0xd0, 'SSE instruction'),
  range(1, 0xd1, 0xd5, 'MMX instruction'),
  range(1, 0xd6, 0xd6, 'SSE instruction'),
  range(1, 0xd7, 0xe5, 'MMX instruction'),
  range(1, 0xe6, 0xe6, 'SSE instruction'),
  range(1, 0xe7, 0xef, 'MMX instruction'),
  range(1, 0xf0, 0xf0, 'SSE instruction'),
  range(1, 0xf1, 0xfe, 'MMX instruction'),
  range(2, 0x00, 0x0b, 'SSE instruction'),
  range(2, 0x10, 0x41, 'SSE instruction'),
  range(2, 0xc8, 0xcf, 'SSE instruction'),
  range(2, 0xdb, 0xdf, 'SSE instruction'),
  range(2, 0xf5, 0xf6, 'SGX or CET instruction'),
  range(3, 0x08, 0x63, 'SSE instruction'),
  range(3, 0xcc, 0xdf, 'SSE instruction'),
];

/** Number of the extension an encoding without a row belongs to, an index into EXTENSIONS. */
export function extensionOf(map: number, opcode: number, register: boolean, digit: number): number {
  const found = NOT_SUPPORTED_RANGES.find(
    (r) =>
      r.map === map &&
      opcode >= r.from &&
      opcode <= r.to &&
      (r.register === undefined || r.register === register) &&
      (r.digits === undefined || r.digits.includes(digit)),
  );
  return found ? EXTENSIONS.indexOf(found.extension) : 0;
}

/** True when ranges tell encodings of one opcode apart by their ModRM byte. */
export function rangeUsesModrm(map: number, opcode: number): boolean {
  return NOT_SUPPORTED_RANGES.some(
    (r) => r.map === map && opcode >= r.from && opcode <= r.to && (r.register ?? r.digits) !== undefined,
  );
}
