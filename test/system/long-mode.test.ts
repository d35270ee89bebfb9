// Long mode by small programs: switching on, paging, gates, far transfers, fast system calls, canonical addresses. What user-mode
// recordings cannot reach; section titles are those of the SDM.
import { describe, expect, test } from 'vitest';
import { CR4, EFER, FS, GDTR_BASE, GS } from '../../asm/layout.ts';
import { type CpuModelName, findCpuModel } from '../../src/cpu/cpu.ts';
import {
  CODE,
  DATA,
  DOORWAY,
  FREE,
  FREE_TABLES,
  GDT,
  IST1,
  KERNEL_CODE,
  KERNEL_CODE_32,
  KERNEL_DATA,
  LongMachine,
  PD,
  PDPT,
  PML4,
  RSP0,
  STACK,
  TSS_SELECTOR,
  USER_CODE,
  USER_CODE_32,
  USER_DATA,
} from './long-machine.ts';

const NON_CANONICAL = '0x800000000000';
const BEYOND_57_BITS = '0x100000000000000';
const STOP = '\nint3';

/** Runs in ring 0 and returns RAX at INT3. */
function rax(text: string, m = new LongMachine()): bigint {
  expect(m.deliver(text + STOP).vector).toBe(3);
  return m.cpu.reg64(0);
}

describe('switching IA-32e mode on (Initializing IA-32e Mode)', () => {
  const enable = `
    mov eax, 0x20
    mov cr4, eax
    mov ecx, 0xc0000080
    mov eax, 0x900
    xor edx, edx
    wrmsr
    mov eax, cr0
    or eax, 0x80000000
    mov cr0, eax`;

  function legacy(): LongMachine {
    const m = new LongMachine();
    m.cpu.cr0 = 0x11;
    m.cpu.cr4 = 0;
    m.cpu.setMsr(0xc000_0080, 0n);
    m.ring(0, 32);
    return m;
  }

  test('paging with LME set makes LMA, and a far jump reaches 64-bit code', () => {
    const m = legacy();
    m.program(`${enable}\njmp ${KERNEL_CODE}:target\ntarget:`, 32);
    const target = m.label('target');
    m.program(`${enable}\njmp ${KERNEL_CODE}:${Number(target)}`, 32);
    m.cpu.ram.set([0x48, 0xb8, 8, 7, 6, 5, 4, 3, 2, 1, 0xcc], Number(target)); // mov rax, imm64
    expect(m.frame(m.run()).vector).toBe(3);
    expect(m.cpu.reg64(0)).toBe(0x0102030405060708n);
    expect(m.cpu.msr(0xc000_0080)).toBe(0xd00n);
  });

  test('without PAE it is #GP(0)', () => {
    const m = legacy();
    m.cpu.setMsr(0xc000_0080, 0x100n);
    m.program('mov eax, cr0\nor eax, 0x80000000\nmov cr0, eax', 32);
    m.run();
    expect(m.cpu.exceptions()[0]).toMatchObject({ vector: 13, error: 0 });
  });

  test('64-bit code cannot switch paging off, PAE off or LME', () => {
    const m = new LongMachine();
    expect(m.deliver('mov rax, cr0\nbtr rax, 31\nmov cr0, rax')).toMatchObject({ vector: 13, error: 0 });
    m.ring(0);
    expect(m.deliver('xor eax, eax\nmov cr4, rax')).toMatchObject({ vector: 13, error: 0 });
    m.ring(0);
    expect(m.deliver('mov rax, cr4\nbts rax, 12\nmov cr4, rax')).toMatchObject({ vector: 13, error: 0 });
    m.ring(0);
    expect(m.deliver('mov ecx, 0xc0000080\nxor eax, eax\nxor edx, edx\nwrmsr')).toMatchObject({ vector: 13 });
  });

  test('compatibility code can leave IA-32e mode by switching paging off', () => {
    const m = new LongMachine();
    m.ring(0, 32);
    m.program('mov eax, cr0\nand eax, 0x7fffffff\nmov cr0, eax\nhlt', 32);
    expect(m.run().reason).toBe('halt');
    expect(m.cpu.view.getUint32(EFER, true)).toBe(0x901);
  });
});

describe('64-bit code', () => {
  test('RIP-relative addresses and 64-bit offsets', () => {
    const m = new LongMachine();
    expect(rax('mov rax, [rip + 2]\njmp over\nvalue: dd 0x55667788, 0x11223344\nover:', m)).toBe(0x1122334455667788n);
    m.ring(0);
    m.quad(DATA, 0xfedcba9876543210n);
    // mov rax, [moffs64]
    expect(rax(`db 0x48, 0xa1\ndd ${DATA}, 0`, m)).toBe(0xfedcba9876543210n);
  });

  test('one page at two addresses: RIP-relative addresses follow RIP', () => {
    const m = new LongMachine();
    m.quad(PD + 8 * 8, 0x87n); // 16 MiB onto 0
    m.quad(PD + 9 * 8, 0x20_0087n); // 18 MiB onto 2 MiB
    m.program(`lea rbx, [rip]
      here: mov rax, [rip + ${0x200000 - 7}]
      lea rcx, [rip + 0x1000000]
      cmp rbx, 0x1000000
      ja done
      cmp rax, 5
      jne done
      add rbx, 0x1000000
      sub rbx, 7
      jmp rbx
      done: int3`);
    const at = Number(m.label('here')) + 0x200000;
    m.quad(at, 5n);
    const stop = m.run();
    expect(stop).toMatchObject({ reason: 'doorway', entry: 3 });
    expect(m.cpu.reg64(3)).toBe(BigInt(CODE + 7 + 0x1000000));
    expect(m.cpu.reg64(1) - m.label('here') - 14n).toBe(0x2000000n);
  });

  test('CS, DS, ES and SS have no base and no limit, FS and GS have a base', () => {
    const m = new LongMachine();
    m.quad(DATA, 1n);
    m.quad(DATA + 0x1000, 2n);
    m.cpu.setSegment(3, { selector: KERNEL_DATA, rights: 0xc093, base: 0x1000, limit: 0 });
    m.cpu.setSegment(FS, { selector: 0, rights: 0x1_0000, base: 0x1000, limit: 0 });
    expect(rax(`mov eax, ${DATA}\nmov rbx, [fs:rax]\nmov rax, [rax]\nshl rbx, 8\nor rax, rbx`, m)).toBe(0x201n);
  });

  test.each([
    [`mov rbx, ${NON_CANONICAL}\nmov rax, [rbx]`, 13],
    [`mov rbx, ${NON_CANONICAL}\nmov [rbx - 1], rax`, 13],
    [`mov rsp, ${NON_CANONICAL}\nmov rax, [rsp]`, 12],
    [`mov rbp, ${NON_CANONICAL}\nmov [rbp], al`, 12],
    [`mov rbx, ${NON_CANONICAL}\njmp rbx`, 13],
    [`mov rbx, ${NON_CANONICAL}\ncall rbx`, 13],
    [`mov rbx, ${NON_CANONICAL}\npush rbx\nret`, 13],
    [`mov rbx, ${NON_CANONICAL}\nlgdt [rbx]`, 13],
  ])('not canonical: %s', (text, vector) => {
    const m = new LongMachine();
    m.gate(vector, { ist: 1 });
    expect(m.deliver(text)).toMatchObject({ vector, error: 0 });
  });

  test('FS and GS bases by MSR and instruction, SWAPGS', () => {
    const m = new LongMachine();
    expect(m.deliver('rdfsbase rax').vector).toBe(6);
    m.ring(0);
    m.cpu.view.setUint32(CR4, 0x10020, true);
    expect(rax('mov rbx, 0x123456789000\nwrgsbase rbx\nmov ecx, 0xc0000101\nrdmsr\nshl rdx, 32\nor rax, rdx', m)).toBe(
      0x123456789000n,
    );
    m.ring(0);
    expect(rax('mov ecx, 0xc0000102\nmov eax, 0x4000\nmov edx, 5\nwrmsr\nswapgs\nrdgsbase rax', m)).toBe(0x500004000n);
    m.ring(0);
    expect(m.deliver(`mov rbx, ${BEYOND_57_BITS}\nwrfsbase rbx`)).toMatchObject({ vector: 13, error: 0 });
    m.ring(3);
    expect(m.deliver('swapgs')).toMatchObject({ vector: 13, error: 0 });
    expect(m.cpu.segment(GS).base).toBe(0);
  });

  test('control registers are 64 bits wide, CR8 has four', () => {
    const m = new LongMachine();
    expect(m.deliver('mov rax, 0x100000000\nmov cr0, rax')).toMatchObject({ vector: 13, error: 0 });
    m.ring(0);
    expect(m.deliver('mov rax, 0x1000000000000\nmov cr3, rax')).toMatchObject({ vector: 13, error: 0 });
    m.ring(0);
    expect(m.deliver('mov eax, 16\ndb 0x44, 0x0f, 0x22, 0xc0')).toMatchObject({ vector: 13, error: 0 });
    m.ring(0);
    m.cpu.setMsr(0x1b, 0n); // without a local APIC the register stands alone
    expect(rax('mov eax, 9\ndb 0x44, 0x0f, 0x22, 0xc0\nxor eax, eax\ndb 0x44, 0x0f, 0x20, 0xc0', m)).toBe(9n);
    m.ring(0);
    expect(rax('mov rax, 0x123456789abc\nmov cr2, rax\nxor eax, eax\nmov rax, cr2', m)).toBe(0x123456789abcn);
  });
});

describe('4-level and 5-level paging', () => {
  test('1 GiB pages are a feature: without it the bit is reserved', () => {
    const find = (model: CpuModelName) => {
      const m = new LongMachine(findCpuModel(model));
      m.quad(PDPT + 8, 0x87n);
      return m.deliver(`mov rbx, 0x40000000 + ${DATA}\nmov rax, [rbx]${STOP}`);
    };
    expect(find('max').vector).toBe(3);
    expect(find('core2')).toMatchObject({ vector: 14, error: 9 });
  });

  const HIGH = 0xffff_8000_0000_0000n;

  /** Maps HIGH to DATA by 4 KiB pages; returns the place of the last entry. */
  function mapHigh(m: LongMachine, rights = 7n, upper = 7n): number {
    m.quad(PML4 + 256 * 8, BigInt(FREE_TABLES) | upper);
    m.quad(FREE_TABLES, BigInt(FREE_TABLES + 0x1000) | 7n);
    m.quad(FREE_TABLES + 0x1000, BigInt(FREE_TABLES + 0x2000) | 7n);
    m.quad(FREE_TABLES + 0x2000, BigInt(DATA) | rights);
    return FREE_TABLES + 0x2000;
  }

  test('4 KiB pages: accessed bits on every level, dirty only at the end', () => {
    const m = new LongMachine();
    const entry = mapHigh(m);
    m.quad(DATA + 8, 77n);
    expect(rax(`mov rbx, 0x${HIGH.toString(16)}\nmov rax, [rbx + 8]`, m)).toBe(77n);
    for (const at of [PML4 + 256 * 8, FREE_TABLES, FREE_TABLES + 0x1000, entry]) expect(m.read(at) & 0x60n).toBe(0x20n);
    m.ring(0);
    expect(m.deliver(`mov rbx, 0x${HIGH.toString(16)}\nmov [rbx], rbx${STOP}`).vector).toBe(3);
    expect(m.read(entry) & 0x60n).toBe(0x60n);
    expect(m.read(FREE_TABLES + 0x1000) & 0x60n).toBe(0x20n);
    expect(m.read(DATA)).toBe(HIGH);
    expect(m.cpu.translate(0)).toBe(0);
  });

  test('2 MiB and 1 GiB pages', () => {
    const m = new LongMachine();
    m.quad(PDPT + 8, 0x87n); // 1 GiB at 1 GiB onto 0
    m.quad(PD + 8 * 8, 0x87n); // 2 MiB at 16 MiB onto 0
    m.quad(DATA, 0x42n);
    expect(rax(`mov rax, [${0x40000000 + DATA}]\nadd rax, [${0x1000000 + DATA}]`, m)).toBe(0x84n);
  });

  const at = `mov rbx, 0x${HIGH.toString(16)}\n`;
  test.each([
    ['not present', 0n, 7n, 3, 'mov rax, [rbx]', 4],
    ['a supervisor page for a user', 3n, 7n, 3, 'mov rax, [rbx]', 5],
    ['a supervisor table for a user', 7n, 3n, 3, 'mov rax, [rbx]', 5],
    ['a read-only table for a user write', 7n, 5n, 3, 'mov [rbx], rax', 7],
    ['a read-only page for a supervisor with WP', 5n, 7n, 0, 'mov [rbx], rax', 3],
    ['no execution by a table', 7n, (1n << 63n) | 7n, 3, 'jmp rbx', 0x15],
    ['no execution by the page', (1n << 63n) | 7n, 7n, 0, 'jmp rbx', 0x11],
    ['an address beyond MAXPHYADDR', (1n << 40n) | 7n, 7n, 0, 'mov rax, [rbx]', 9],
    ['bit 7 of a PML4 entry', 7n, 0x87n, 0, 'mov rax, [rbx]', 9],
  ] as const)('%s', (_name, rights, upper, level, text, error) => {
    const m = new LongMachine();
    mapHigh(m, rights, upper);
    m.ring(level);
    expect(m.deliver(at + text)).toMatchObject({ vector: 14, error });
    expect(m.cpu.cr2Wide).toBe(HIGH);
  });

  test('NX is reserved while EFER.NXE is clear', () => {
    const m = new LongMachine();
    mapHigh(m, (1n << 63n) | 7n);
    m.cpu.setMsr(0xc000_0080, 0x501n);
    expect(m.deliver(`${at}mov rax, [rbx]`)).toMatchObject({ vector: 14, error: 9 });
  });

  test('reserved address bits of a 2 MiB and a 1 GiB page', () => {
    const m = new LongMachine();
    m.quad(PD + 8 * 8, 0x2087n);
    m.quad(PDPT + 8, 0x200087n);
    expect(m.deliver('mov rax, [0x1000000]')).toMatchObject({ vector: 14, error: 9 });
    m.ring(0);
    expect(m.deliver('mov rax, [0x40000000]')).toMatchObject({ vector: 14, error: 9 });
  });

  test('five levels: 57-bit addresses', () => {
    const m = new LongMachine();
    const top = FREE_TABLES + 0x3000;
    m.quad(top, BigInt(PML4) | 7n);
    m.quad(top + 8, BigInt(PML4) | 7n);
    m.cpu.cr4 = 0x1020;
    m.cpu.cr3 = top;
    m.cpu.flushTlb();
    m.quad(DATA, 99n);
    expect(rax(`mov rbx, 0x${(0x1_0000_0000_0000 + DATA).toString(16)}\nmov rax, [rbx]`, m)).toBe(99n);
    m.ring(0);
    expect(m.deliver('mov rbx, 0x100000000000000\nmov rax, [rbx]')).toMatchObject({ vector: 13, error: 0 });
  });
});

describe('the 64-bit IDT (Exception and Interrupt Handling in 64-bit Mode)', () => {
  test('the frame is aligned to 16 bytes and always has SS:RSP', () => {
    const m = new LongMachine();
    expect(m.deliver('sub rsp, 3\nint3')).toMatchObject({
      vector: 3,
      rsp: BigInt(STACK - 3),
      ss: KERNEL_DATA,
      cs: KERNEL_CODE,
    });
    expect(m.cpu.reg64(4)).toBe(BigInt(STACK - 16 - 40));
    expect(m.cpu.segment(2).selector).toBe(KERNEL_DATA);
  });

  test('to an inner ring: RSP0, a null SS', () => {
    const m = new LongMachine();
    m.gate(0x80, { dpl: 3 });
    m.ring(3);
    expect(m.deliver('int 0x80')).toMatchObject({ vector: 0x80, rsp: BigInt(STACK), ss: USER_DATA, cs: USER_CODE });
    expect(m.cpu.reg64(4)).toBe(BigInt(RSP0 - 8 - 40));
    expect(m.cpu.segment(2)).toMatchObject({ selector: 0 });
    expect(m.cpu.cpl).toBe(0);
  });

  test('the interrupt stack table is used without a change of ring too', () => {
    const m = new LongMachine();
    m.gate(6, { ist: 1 });
    expect(m.deliver('ud2')).toMatchObject({ vector: 6, rsp: BigInt(STACK) });
    expect(m.cpu.reg64(4)).toBe(BigInt(IST1 - 8 - 40));
  });

  test('from compatibility code', () => {
    const m = new LongMachine();
    m.ring(3, 32);
    expect(m.deliver('ud2', 32)).toMatchObject({ vector: 6, cs: USER_CODE_32, ss: USER_DATA });
    expect(m.cpu.segment(1).selector).toBe(KERNEL_CODE);
  });

  test.each([
    ['a 32-bit code segment', { selector: KERNEL_CODE_32 }, KERNEL_CODE_32],
    ['a trap gate of the wrong type', { type: 7 }, 0x80 * 8 + 2],
    ['an address that is not canonical', { offset: 1n << 47n }, 0],
    ['a null selector', { selector: 0 }, 0],
  ] as const)('#GP for a gate with %s', (_name, gate, error) => {
    const m = new LongMachine();
    m.gate(0x80, gate);
    expect(m.deliver('int 0x80')).toMatchObject({ vector: 13, error });
  });

  test('a limit that cuts the gate: #GP with its number', () => {
    const m = new LongMachine();
    m.cpu.idtr = { base: 0x2000, limit: 0x80 * 16 + 14 };
    expect(m.deliver('int 0x80')).toMatchObject({ vector: 13, error: 0x80 * 8 + 2 });
  });

  test('IRETQ takes SS:RSP even without a change of ring', () => {
    const m = new LongMachine();
    m.program(`push ${KERNEL_DATA}\npush ${DATA}\npushfq\npush ${KERNEL_CODE}\npush done\niretq\ndone: int3`);
    expect(m.frame(m.run())).toMatchObject({ vector: 3, rsp: BigInt(DATA), ss: KERNEL_DATA });
  });

  test('IRET to ring 3 drops an inner GS and keeps its base (SDM Vol. 2 "IRET": only the selector becomes null)', () => {
    const m = new LongMachine();
    m.cpu.setSegment(GS, { selector: KERNEL_DATA, rights: 0xc093, base: DATA, limit: 0xffff_ffff });
    m.quad(DATA, 0x1122334455667788n);
    m.deliver(
      `push ${USER_DATA}\npush ${DATA}\npush 0x202\npush ${USER_CODE}\npush done\niretq\ndone: mov rax, [gs:0]\nud2`,
    );
    expect(m.cpu.segment(GS).selector).toBe(0);
    expect(m.cpu.reg64(0)).toBe(0x1122334455667788n);
  });

  test('IRETQ to ring 3, to compatibility code, and to a null SS in ring 0', () => {
    const m = new LongMachine();
    m.program(`push ${USER_DATA}\npush ${DATA}\npush 0x202\npush ${USER_CODE}\npush done\niretq\ndone: ud2`);
    expect(m.frame(m.run())).toMatchObject({ vector: 6, cs: USER_CODE, ss: USER_DATA, rsp: BigInt(DATA) });
    m.ring(0);
    m.program(`push ${USER_DATA}\npush ${DATA}\npush 0x202\npush ${USER_CODE_32}\npush done\niretq\ndone: ud2`);
    expect(m.frame(m.run())).toMatchObject({ vector: 6, cs: USER_CODE_32, ss: USER_DATA });
    m.ring(0);
    m.program(`push 0\npush ${DATA}\npush 2\npush ${KERNEL_CODE}\npush done\niretq\ndone: ud2`);
    expect(m.frame(m.run())).toMatchObject({ vector: 6, cs: KERNEL_CODE, ss: 0 });
    m.ring(0);
    m.program(`push 0\npush ${DATA}\npush 2\npush ${USER_CODE}\npush done\niretq\ndone: ud2`);
    expect(m.frame(m.run())).toMatchObject({ vector: 13, error: 0 });
  });

  test('IRETQ with NT, or to an address that is not canonical, is #GP(0)', () => {
    const m = new LongMachine();
    m.ring(0, 64, 0x4002);
    expect(m.deliver('iretq')).toMatchObject({ vector: 13, error: 0 });
    m.ring(0);
    expect(
      m.deliver(
        `push ${KERNEL_DATA}\npush ${DATA}\npush 2\npush ${KERNEL_CODE}\nmov rax, ${NON_CANONICAL}\npush rax\niretq`,
      ),
    ).toMatchObject({ vector: 13, error: 0 });
  });
});

describe('far transfers', () => {
  const pointer = (offset: string, selector: number) => `\npointer: dd ${offset}\ndw ${selector}`;

  test('a far jump to compatibility code and back', () => {
    const m = new LongMachine();
    m.program(`jmp far dword [pointer]${pointer('target', KERNEL_CODE_32)}\ntarget:`);
    const target = Number(m.label('target'));
    const { cpu } = m;
    // mov eax, 1; jmp 8:back, then 64-bit: mov rax, -1; int3
    const back = target + 12;
    cpu.ram.set([0xb8, 1, 0, 0, 0, 0xea, back & 0xff, back >> 8, 1, 0, 8, 0], target);
    cpu.ram.set([0x48, 0xc7, 0xc0, 0xff, 0xff, 0xff, 0xff, 0xcc], back);
    expect(m.frame(m.run())).toMatchObject({ vector: 3, cs: KERNEL_CODE });
    expect(cpu.reg64(0)).toBe(0xffff_ffff_ffff_ffffn);
  });

  test('L and D both set is #GP(selector)', () => {
    const m = new LongMachine();
    m.descriptor(FREE, 0x00ef9b00_0000ffffn);
    expect(m.deliver(`jmp far dword [pointer]${pointer('0', FREE)}`)).toMatchObject({ vector: 13, error: FREE });
  });

  test('a task state segment cannot be the target', () => {
    const m = new LongMachine();
    expect(m.deliver(`jmp far dword [pointer]${pointer('0', TSS_SELECTOR)}`)).toMatchObject({
      vector: 13,
      error: TSS_SELECTOR,
    });
  });

  test('CALL through a 64-bit call gate to ring 0 and RETFQ back', () => {
    const m = new LongMachine();
    const gate = FREE | 3;
    m.ring(3);
    m.program(`call far dword [pointer]\nback: ud2${pointer('0', gate)}\nkernel: retfq`);
    m.callGate(FREE, { dpl: 3, offset: m.label('kernel') });
    m.run(1);
    expect(m.cpu.cpl).toBe(0);
    expect(m.cpu.segment(2).selector).toBe(0);
    const frame = [0, 8, 16, 24].map((n) => m.read(RSP0 - 32 + n));
    expect(frame).toEqual([m.label('back'), BigInt(USER_CODE), BigInt(STACK), BigInt(USER_DATA)]);
    expect(m.frame(m.run())).toMatchObject({ vector: 6, rip: m.label('back'), cs: USER_CODE, rsp: BigInt(STACK) });
  });

  test('a call gate needs 64-bit code behind it and a second half of type 0', () => {
    const m = new LongMachine();
    m.callGate(FREE, { offset: BigInt(CODE), selector: KERNEL_CODE_32 });
    const call = `call far dword [pointer]${pointer('0', FREE)}`;
    expect(m.deliver(call)).toMatchObject({ vector: 13, error: KERNEL_CODE_32 });
    m.ring(0);
    m.callGate(FREE, { offset: BigInt(CODE) });
    m.quad(GDT + FREE + 8, 0x0100_0000_0000n);
    expect(m.deliver(call)).toMatchObject({ vector: 13, error: FREE });
  });

  test('LTR and LLDT take 16-byte descriptors', () => {
    const m = new LongMachine();
    m.descriptor(FREE, 0x1200_8900_3400_0067n, 0xffff_8000n);
    expect(m.deliver(`mov eax, ${FREE}\nltr ax${STOP}`).vector).toBe(3);
    expect((m.read(GDT + FREE) >> 40n) & 0xffn).toBe(0x8bn);
    expect(m.cpu.view.getBigUint64(0x1100 + 6 * 48 + 8, true)).toBe(0xffff_8000_1200_3400n);
    m.ring(0);
    m.descriptor(FREE, 0x0000_8900_0000_0067n, 0x0100_0000n);
    expect(m.deliver(`mov eax, ${FREE}\nltr ax`)).toMatchObject({ vector: 13, error: FREE });
  });

  test('MOV SS takes a null selector below ring 3 only', () => {
    const m = new LongMachine();
    expect(m.deliver(`xor eax, eax\nmov ss, ax${STOP}`)).toMatchObject({ vector: 3, ss: 0 });
    m.ring(3);
    expect(m.deliver('xor eax, eax\nmov ss, ax')).toMatchObject({ vector: 13, error: 0 });
  });
});

describe('fast system calls', () => {
  function prepared(): LongMachine {
    const m = new LongMachine();
    m.cpu.setMsr(0xc000_0081, (BigInt(USER_CODE_32) << 48n) | (BigInt(KERNEL_CODE) << 32n));
    m.cpu.setMsr(0xc000_0082, BigInt(DOORWAY + 0x200));
    m.cpu.setMsr(0xc000_0084, 0x300n);
    return m;
  }

  test('SYSCALL saves RIP and RFLAGS, masks flags and enters ring 0', () => {
    const m = prepared();
    m.ring(3, 64, 0x203);
    m.program('syscall\nback:');
    expect(m.run()).toMatchObject({ reason: 'doorway', entry: 0x200 });
    expect(m.cpu.reg64(1)).toBe(m.label('back'));
    expect(m.cpu.reg64(11)).toBe(0x203n);
    expect(m.cpu.eflags).toBe(3);
    expect([m.cpu.cpl, m.cpu.segment(1).selector, m.cpu.segment(2).selector]).toEqual([0, KERNEL_CODE, KERNEL_DATA]);
  });

  test('SYSRET returns to 64-bit and to compatibility code', () => {
    const m = prepared();
    const target = CODE + 0x100;
    m.cpu.ram.set([0x0f, 0x0b], target);
    expect(m.deliver(`mov ecx, ${target}\nmov r11d, 0x10203\nsysretq`)).toMatchObject({
      vector: 6,
      cs: USER_CODE,
      ss: USER_DATA,
      rip: BigInt(target),
      rflags: 0x10203n,
    });
    m.ring(0);
    expect(m.deliver(`mov ecx, ${target}\nmov r11d, 0x202\nsysret`)).toMatchObject({ vector: 6, cs: USER_CODE_32 });
  });

  test('SYSRET to an address that is not canonical faults in ring 0; without SCE both are #UD', () => {
    const m = prepared();
    expect(m.deliver(`mov rcx, ${NON_CANONICAL}\nsysretq`)).toMatchObject({
      vector: 13,
      error: 0,
      cs: KERNEL_CODE,
    });
    m.cpu.setMsr(0xc000_0080, 0xd00n);
    m.ring(0);
    expect(m.deliver('sysret').vector).toBe(6);
    m.ring(3);
    expect(m.deliver('syscall').vector).toBe(6);
  });

  test('SYSENTER enters 64-bit code, from compatibility code too; SYSEXIT goes to both', () => {
    const m = prepared();
    m.cpu.setMsr(0x174, BigInt(KERNEL_CODE));
    m.cpu.setMsr(0x175, 0xffff_8000_0000_0000n);
    m.cpu.setMsr(0x176, BigInt(DOORWAY + 0x300));
    for (const bits of [64, 32] as const) {
      m.ring(3, bits);
      m.program('sysenter', bits);
      expect(m.run()).toMatchObject({ reason: 'doorway', entry: 0x300 });
      expect(m.cpu.reg64(4)).toBe(0xffff_8000_0000_0000n);
      expect(m.cpu.segment(1).rights & 0x6000).toBe(0x2000);
    }
    m.cpu.ram.set([0x0f, 0x0b], CODE + 0x100);
    m.ring(0);
    expect(m.deliver(`mov edx, ${CODE + 0x100}\nmov ecx, ${DATA}\nsysexitq`)).toMatchObject({
      vector: 6,
      cs: KERNEL_CODE + 32 + 3,
      ss: KERNEL_CODE + 40 + 3,
      rsp: BigInt(DATA),
    });
  });

  test('MSRs that hold addresses take canonical ones only', () => {
    for (const msr of [0xc0000082, 0xc0000083, 0xc0000100, 0xc0000101, 0xc0000102, 0x175, 0x176]) {
      const m = new LongMachine();
      const write = `mov ecx, ${msr}\nxor eax, eax\nmov edx`;
      expect(m.deliver(`${write}, 0x1000000\nwrmsr`)).toMatchObject({ vector: 13, error: 0 });
      m.ring(0);
      expect(m.deliver(`${write}, 0x8000\nwrmsr${STOP}`).vector).toBe(3);
    }
  });

  // registers do not know CR4.LA57: a processor that has it lets them hold all 57 bits
  test('without 5-level paging on the processor they take 48 bits', () => {
    const m = new LongMachine(findCpuModel('core2'));
    expect(m.deliver('mov ecx, 0xc0000102\nxor eax, eax\nmov edx, 0x8000\nwrmsr')).toMatchObject({ vector: 13 });
  });

  test('a descriptor table at an address that is not canonical now faults when it is used', () => {
    const m = new LongMachine();
    m.cpu.view.setBigUint64(GDTR_BASE, 1n << 50n, true);
    m.program('mov eax, 0x10\nmov fs, ax');
    expect(m.run()).toEqual({ reason: 'shutdown' });
    expect(m.cpu.exceptions()[0]).toMatchObject({ vector: 13, error: 0 });
  });
});
