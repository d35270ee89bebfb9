// Says why a processor shut down: the exceptions that led to it, oldest first (SDM Vol. 3 "Interrupt 8—Double Fault
// Exception (#DF)": a contributory exception during delivery of another becomes a double fault, one more a shutdown).

import type { Cpu } from '../cpu/cpu.ts';
import type { ExceptionRecord } from '../cpu/cpu.ts';

const NAMES = [
  '#DE divide error',
  '#DB debug',
  'NMI',
  '#BP breakpoint',
  '#OF overflow',
  '#BR bound range exceeded',
  '#UD invalid opcode',
  '#NM device not available',
  '#DF double fault',
  'coprocessor segment overrun',
  '#TS invalid TSS',
  '#NP segment not present',
  '#SS stack fault',
  '#GP general protection',
  '#PF page fault',
  'reserved vector 15',
  '#MF x87 error',
  '#AC alignment check',
] as const;
const PAGE_FAULT = 14;
const WITH_ERROR_CODE: ReadonlySet<number> = new Set([8, 10, 11, 12, 13, 14, 17]);

function hex(value: number | bigint): string {
  return `0x${value.toString(16)}`;
}

/** One exception in words. */
export function describeException({ vector, error, rip, cr2 }: ExceptionRecord): string {
  const name = NAMES[vector] ?? `vector ${vector}`;
  const code = WITH_ERROR_CODE.has(vector) ? `, error code ${hex(error)}` : '';
  const address = vector === PAGE_FAULT ? `, linear address ${hex(cr2)}` : '';
  return `${name}${code}${address} at EIP ${hex(rip)}`;
}

/** The last exceptions, and where the processor stands. */
export function shutdownReport(cpu: Cpu): string {
  const chain = cpu.exceptions().map((record) => `  ${describeException(record)}`);
  const where = `CS:EIP ${hex(cpu.segment(1).selector)}:${hex(cpu.eip)}, CPL ${cpu.cpl}, CR0 ${hex(cpu.cr0)}, CR3 ${hex(cpu.cr3)}`;
  const tables = `GDTR ${hex(cpu.gdtr.base)} limit ${hex(cpu.gdtr.limit)}, IDTR ${hex(cpu.idtr.base)} limit ${hex(cpu.idtr.limit)}`;
  const why =
    cpu.rsmFailure === undefined
      ? ['The last exceptions before the processor shut down, oldest first:', ...chain]
      : [
          `RSM shut the processor down: ${cpu.rsmFailure} in the state-save map has a value no processor can go on with.`,
        ];
  return [...why, where, tables].join('\n');
}
