// Constants of the build.

/** Retired instructions are counted at every block. `bench interpreter` builds a core without, to measure what that costs. */
export const COUNT_INSTRUCTIONS = true;
