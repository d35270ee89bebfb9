// What the core can meet that this version does not have, in words (numbers in asm/layout.ts).
import { NOT_SUPPORTED_INSTRUCTION, NOT_SUPPORTED_MSR } from '../../asm/layout.ts';

/** Sentence beginnings by number. */
export const NOT_SUPPORTED_NAMES: Readonly<Record<number, string>> = {
  [NOT_SUPPORTED_INSTRUCTION]: 'instruction set extension',
  [NOT_SUPPORTED_MSR]: 'model-specific register',
};
