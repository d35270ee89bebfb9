// All measured programs, in the order of the report.
import { CHANGING_CODE_PROGRAMS } from './changing-code.ts';
import { EVENT_PROGRAMS } from './events.ts';
import { FLOAT_PROGRAMS } from './float.ts';
import { INTEGER_PROGRAMS } from './integer.ts';
import type { Program } from './program.ts';
import { STRING_PROGRAMS } from './strings.ts';

export const PROGRAMS: readonly Program[] = [
  ...INTEGER_PROGRAMS,
  ...FLOAT_PROGRAMS,
  ...STRING_PROGRAMS,
  ...EVENT_PROGRAMS,
  ...CHANGING_CODE_PROGRAMS,
];
