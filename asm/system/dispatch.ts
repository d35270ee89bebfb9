// The system instructions by operation number (SDM Vol. 3A "System Architecture Overview").
import { DS, ES, FS, GS, SS } from '../layout';
import { OPERAND_AP } from '../gen/tables';
import {
  OP_PUSHF,
  OP_POPF,
  OP_PUSH_SEGMENT,
  OP_POP_SEGMENT,
  OP_MOV_FROM_SEGMENT,
  OP_MOV_TO_SEGMENT,
  OP_LES,
  OP_LDS,
  OP_LSS,
  OP_LFS,
  OP_LGS,
  OP_JMP_FAR,
  OP_CALL_FAR,
  OP_RET_FAR,
  OP_IRET,
  OP_RSM,
  OP_INT3,
  OP_INT,
  OP_INTO,
  OP_INT1,
  OP_BOUND,
  OP_INS,
  OP_OUTS,
  OP_IN,
  OP_OUT,
  OP_SLDT,
  OP_STR,
  OP_LLDT,
  OP_LTR,
  OP_VERR,
  OP_VERW,
  OP_LAR,
  OP_LSL,
  OP_ARPL,
  OP_SGDT,
  OP_SIDT,
  OP_LGDT,
  OP_LIDT,
  OP_SMSW,
  OP_LMSW,
  OP_CLAC,
  OP_STAC,
  OP_INVLPG,
  OP_INVPCID,
  OP_MOV_FROM_CR,
  OP_MOV_FROM_DR,
  OP_MOV_TO_DR,
  OP_CLTS,
  OP_INVD,
  OP_WBINVD,
  OP_WRMSR,
  OP_RDMSR,
  OP_RDTSC,
  OP_RDTSCP,
  OP_RDPMC,
  OP_CPUID,
  OP_HLT,
  OP_CLI,
  OP_STI,
  OP_MONITOR,
  OP_MWAIT,
  OP_RDRAND,
  OP_RDSEED,
  OP_XGETBV,
  OP_XSETBV,
  OP_SYSENTER,
  OP_SYSEXIT,
} from '../gen/ops';
import { invd, invlpg, invpcid, wbinvd } from './caches';
import { xgetbv, xsetbv } from './extended-control';
import { rdrand, rdseed } from './random';
import { clts, lmsw, movFromCr, smsw } from './control-registers';
import { cpuid } from './cpuid';
import { movFromDr, movToDr } from './debug-registers';
import { arpl, lar, lgdt, lidt, lldt, lsl, ltr, sgdt, sidt, sldt, str, verr, verw } from './descriptor-tables';
import { callFar, jmpFar, retFar } from './far';
import { clac, cli, hlt, monitor, mwait, popf, pushf, stac, sti } from './flag-instructions';
import { formOperand, portIn, portOut } from './io';
import { ins, outs } from './io-strings';
import { iret } from './iret';
import { rdmsr, wrmsr } from './msr';
import { loadFarPointer, movFromSegment, movToSegment, popSegment, pushSegment } from './segment-instructions';
import { rsm } from './smm';
import { bound, int1, int3, intN, into } from './software-interrupts';
import { longOp } from '../long-mode/operations';
import { sysenter, sysexit } from './sysenter';
import { rdpmc, rdtsc, rdtscp } from './time';

/** Executes a system operation; false if `op` is not one. */
export function systemOp(operation: u32, r: usize): bool {
  switch (operation) {
    case OP_PUSHF:
      pushf(r);
      return true;
    case OP_POPF:
      popf(r);
      return true;
    case OP_PUSH_SEGMENT:
      pushSegment(r);
      return true;
    case OP_POP_SEGMENT:
      popSegment(r);
      return true;
    case OP_MOV_FROM_SEGMENT:
      movFromSegment(r);
      return true;
    case OP_MOV_TO_SEGMENT:
      movToSegment(r);
      return true;
    case OP_LES:
      loadFarPointer(r, ES);
      return true;
    case OP_LDS:
      loadFarPointer(r, DS);
      return true;
    case OP_LSS:
      loadFarPointer(r, SS);
      return true;
    case OP_LFS:
      loadFarPointer(r, FS);
      return true;
    case OP_LGS:
      loadFarPointer(r, GS);
      return true;
    case OP_JMP_FAR:
      jmpFar(r, formOperand(r, 0) != OPERAND_AP);
      return true;
    case OP_CALL_FAR:
      callFar(r, formOperand(r, 0) != OPERAND_AP);
      return true;
    case OP_RET_FAR:
      retFar(r);
      return true;
    case OP_IRET:
      iret(r);
      return true;
    case OP_RSM:
      rsm();
      return true;
    case OP_INT3:
      int3(r);
      return true;
    case OP_INT:
      intN(r);
      return true;
    case OP_INTO:
      into(r);
      return true;
    case OP_INT1:
      int1(r);
      return true;
    case OP_BOUND:
      bound(r);
      return true;
    case OP_INS:
      ins(r);
      return true;
    case OP_OUTS:
      outs(r);
      return true;
    case OP_IN:
      portIn(r);
      return true;
    case OP_OUT:
      portOut(r);
      return true;
    case OP_SLDT:
      sldt(r);
      return true;
    case OP_STR:
      str(r);
      return true;
    case OP_LLDT:
      lldt(r);
      return true;
    case OP_LTR:
      ltr(r);
      return true;
    case OP_VERR:
      verr(r);
      return true;
    case OP_VERW:
      verw(r);
      return true;
    case OP_LAR:
      lar(r);
      return true;
    case OP_LSL:
      lsl(r);
      return true;
    case OP_ARPL:
      arpl(r);
      return true;
    case OP_SGDT:
      sgdt(r);
      return true;
    case OP_SIDT:
      sidt(r);
      return true;
    case OP_LGDT:
      lgdt(r);
      return true;
    case OP_LIDT:
      lidt(r);
      return true;
    case OP_SMSW:
      smsw(r);
      return true;
    case OP_LMSW:
      lmsw(r);
      return true;
    case OP_INVLPG:
      invlpg(r);
      return true;
    case OP_INVPCID:
      invpcid(r);
      return true;
    case OP_CLAC:
      clac(r);
      return true;
    case OP_STAC:
      stac(r);
      return true;
    case OP_MOV_FROM_CR:
      movFromCr(r);
      return true;
    case OP_MOV_FROM_DR:
      movFromDr(r);
      return true;
    case OP_MOV_TO_DR:
      movToDr(r);
      return true;
    case OP_CLTS:
      clts(r);
      return true;
    case OP_INVD:
      invd(r);
      return true;
    case OP_WBINVD:
      wbinvd(r);
      return true;
    case OP_WRMSR:
      wrmsr(r);
      return true;
    case OP_RDMSR:
      rdmsr(r);
      return true;
    case OP_RDTSC:
      rdtsc(r);
      return true;
    case OP_RDTSCP:
      rdtscp(r);
      return true;
    case OP_RDPMC:
      rdpmc(r);
      return true;
    case OP_CPUID:
      cpuid(r);
      return true;
    case OP_HLT:
      hlt(r);
      return true;
    case OP_CLI:
      cli();
      return true;
    case OP_STI:
      sti(r);
      return true;
    case OP_MONITOR:
      monitor(r);
      return true;
    case OP_MWAIT:
      mwait(r);
      return true;
    case OP_RDRAND:
      rdrand(r);
      return true;
    case OP_RDSEED:
      rdseed(r);
      return true;
    case OP_XGETBV:
      xgetbv();
      return true;
    case OP_XSETBV:
      xsetbv(r);
      return true;
    case OP_SYSENTER:
      sysenter();
      return true;
    case OP_SYSEXIT:
      sysexit(r);
      return true;
  }
  return longOp(operation, r);
}
