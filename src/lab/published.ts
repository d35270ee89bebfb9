// Published measurements that results are compared with; they are never an input of a simulation.
// Adams & Agesen, "A Comparison of Software and Hardware Techniques for x86 Virtualization", ASPLOS 2006,
// Figure 4 and the raw-data appendix: Pentium 4 672 at 3.8 GHz, 64-bit guests, both monitors with shadow paging.
import type { TechniqueCell } from './techniques.ts';

/** One published figure and where it stands. */
export interface PublishedCost {
  readonly cycles: number;
  readonly source: string;
}

const FIGURE_4 = 'Adams & Agesen 2006, Fig. 4';
const APPENDIX = 'Adams & Agesen 2006, raw-data appendix';
const RDTSC = 'Adams & Agesen 2006, section 3.3';

type Row = Partial<Record<TechniqueCell, PublishedCost>>;

function figure4(native: number, software: number, hardware: number, source = FIGURE_4): Row {
  return {
    bare: { cycles: native, source },
    'binary-translation': { cycles: software, source },
    'vtx/shadow': { cycles: hardware, source },
  };
}

/** Published cycles by profile, benchmark and technique. */
export const PUBLISHED: Readonly<Record<string, Readonly<Record<string, Row>>>> = {
  'p4-672': {
    syscall: figure4(242, 2308, 246),
    in: figure4(3209, 216, 15826),
    cr8wr: figure4(150, 35, 177),
    callret: figure4(11, 51, 11),
    pgfault: figure4(1093, 3927, 11242),
    divzero: figure4(889, 3223, 1014),
    ptemod: figure4(1, 391, 12733),
    'ptemod-p-np': figure4(4, 17, 9154, APPENDIX),
    'ptemod-np-p': figure4(5, 2121, 17020, APPENDIX),
    rdtsc: {
      'trap-emulate': { cycles: 2030, source: RDTSC },
      'binary-translation': { cycles: 216, source: RDTSC },
    },
  },
};

/** Why a figure of a 32-bit guest is not the paper's 64-bit one, by benchmark. */
export const COMPARABILITY: Readonly<Record<string, string>> = {
  syscall:
    'The paper times SYSCALL/SYSRET of a 64-bit guest; a 32-bit Intel guest has SYSENTER/SYSEXIT, which does the same work with other registers. A paravirtual 32-bit kernel runs in ring 1, where SYSENTER cannot lead, so it takes its direct trap gate instead.',
  cr8wr:
    'MOV CR8 exists in 64-bit mode only; the 32-bit guest writes the same register, the task priority of its local APIC, through memory at 0xFEE00080.',
  ptemod:
    'The paper modifies 8-byte entries of 4-level tables; the 32-bit guest modifies 4-byte entries of 2-level tables.',
  callret:
    'A call and return pair within one page; the paper gives no code, so the loop overhead may differ by a cycle.',
};
