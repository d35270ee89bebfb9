// All rows of the opcode table.
import type { Row } from '../form.ts';
import { ARITHMETIC } from './arithmetic.ts';
import { BRANCH } from './branch.ts';
import { DATA } from './data.ts';
import { SHIFT_AND_BIT } from './shift-and-bit.ts';
import { STACK_AND_SEGMENT } from './stack-and-segment.ts';
import { STRING_AND_IO } from './string-and-io.ts';
import { SIMD } from './simd.ts';
import { SYSTEM } from './system.ts';
import { VMX } from './vmx.ts';
import { X87 } from './x87.ts';

/** One row an instruction form. */
export const ROWS: readonly Row[] = [
  ...ARITHMETIC,
  ...SHIFT_AND_BIT,
  ...DATA,
  ...STACK_AND_SEGMENT,
  ...BRANCH,
  ...STRING_AND_IO,
  ...SYSTEM,
  ...VMX,
  ...X87,
  ...SIMD,
];
