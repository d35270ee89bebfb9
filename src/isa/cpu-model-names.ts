// Names of the processor models, alone in a file so that the command line knows them without loading the tables.

/** Oldest first. */
export const CPU_MODEL_NAMES = ['i486', 'pentium', 'p6', 'x86-64', 'core2', 'max'] as const;

/** Name of a model. */
export type CpuModelName = (typeof CPU_MODEL_NAMES)[number];
