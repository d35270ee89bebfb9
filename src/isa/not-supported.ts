// Encodings this processor model does not have, by name, so that a guest that meets one is told what it was instead of a bare #UD.
// Truth: SDM Vol. 2 Appendix A "Opcode Map".

/** Extension a range of encodings belongs to. The order is the number `notSupported` reports. */
export const EXTENSIONS = [
  'undefined opcode',
  'AVX instruction',
  'AVX-512 instruction',
  'XSAVES instruction',
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
  { map: 0, from: 0xc4, to: 0xc5, extension: 'AVX instruction', register: true },
  { map: 0, from: 0x62, to: 0x62, extension: 'AVX-512 instruction', register: true },
  range(1, 0x37, 0x37, 'SMX instruction'),
  { map: 1, from: 0xc7, to: 0xc7, extension: 'XSAVES instruction', digits: [3, 5], register: false },
  range(2, 0xf5, 0xf6, 'SGX or CET instruction'),
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
