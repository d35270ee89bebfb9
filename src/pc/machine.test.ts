// A whole machine: interrupts, input, sleep, limits, and that a saved one goes on as if nothing had happened.
import { describe, expect, it } from 'vitest';
import { loadCore } from '../../test/core.ts';
import { assemble } from '../isa/assemble.ts';
import { SnapshotError } from '../machine/snapshot.ts';
import { STATUS_IDLE, STATUS_LIMIT, STATUS_SHUTDOWN } from './exit.ts';
import { MachineError } from './machine-error.ts';
import type { MachineOptions } from './machine.ts';
import { Machine, MEBIBYTE } from './machine.ts';

/** A kernel at 1 MiB with its own GDT and an IDT whose gates are all `handler`; `body` runs with a stack. */
function kernel(body: string): Uint8Array {
  return assemble(
    `
      dd 0x1badb002, 0x10003, -(0x1badb002 + 0x10003)
      dd 0x100000, 0x100000, 0, 0, start
gdt:  dd 0, 0, 0x0000ffff, 0x00cf9b00, 0x0000ffff, 0x00cf9300
gdtr: dw 23
      dd gdt
idtr: dw 0x7ff
      dd idt
      align 8
idt:  times 2048 db 0
      times 1024 db 0
stack:
start:
      mov esp, stack
      lgdt [gdtr]
      jmp 8:.flat
.flat:
      mov ax, 16
      mov ds, ax
      mov es, ax
      mov ss, ax
      mov edi, idt
      mov ecx, 256
      mov edx, handler
.gate:
      mov [edi], edx
      mov word [edi + 2], 8
      mov eax, edx
      mov ax, 0x8e00
      mov [edi + 4], eax
      add edi, 8
      dec ecx
      jnz .gate
      lidt [idtr]
      mov esi, 0
${body}
`,
    { mode: 32, origin: 0x100000 },
  );
}

/** Ticks at about 1 kHz; between them it counts and halts in turn. After 40 ticks it prints the count and powers off. */
const TICKING = kernel(`
      mov al, 0x11
      out 0x20, al
      mov al, 0x20
      out 0x21, al
      mov al, 4
      out 0x21, al
      mov al, 1
      out 0x21, al
      mov al, 0xfe
      out 0x21, al
      mov al, 0x34
      out 0x43, al
      mov al, 0xa9
      out 0x40, al
      mov al, 0x04
      out 0x40, al
      sti
loop_:
      cmp esi, 40
      jae done
      mov ecx, 50
.work:
      add ebx, ecx
      loop .work
      test esi, 1
      jz loop_
      hlt
      jmp loop_
done:
      cli
      mov dx, 0x3f8
      mov ecx, 8
.digit:
      rol ebx, 4
      mov al, bl
      and al, 15
      add al, 'A'
      out dx, al
      loop .digit
      mov dx, 0x604
      mov ax, 0x2000
      out dx, ax
      hlt
handler:
      push eax
      inc esi
      mov al, 'T'
      push edx
      mov dx, 0x3f8
      out dx, al
      pop edx
      mov al, 0x20
      out 0x20, al
      pop eax
      iretd
`);

/** Echoes what arrives on the serial port by interrupt until a 'q'. */
const ECHO = kernel(`
      mov al, 0x11
      out 0x20, al
      mov al, 0x20
      out 0x21, al
      mov al, 4
      out 0x21, al
      mov al, 1
      out 0x21, al
      mov al, 0xef
      out 0x21, al
      mov dx, 0x3f9
      mov al, 1
      out dx, al
      mov dx, 0x3fc
      mov al, 0x0b
      out dx, al
      sti
wait_:
      hlt
      jmp wait_
handler:
      mov dx, 0x3f8
      in al, dx
      out dx, al
      mov bl, al
      mov al, 0x20
      out 0x20, al
      cmp bl, 'q'
      jne .back
      mov al, 7
      out 0xf4, al
.back:
      iretd
`);

interface Started {
  readonly machine: Machine;
  readonly output: () => string;
}

function start(image: Uint8Array, options: MachineOptions = {}): Started {
  const bytes: number[] = [];
  const machine = new Machine(loadCore(), {
    memory: 4 * MEBIBYTE,
    cpuFrequencyHz: 40_000_000,
    serialOut: (byte) => bytes.push(byte),
    ...options,
  });
  machine.loadMultiboot(image);
  return { machine, output: () => String.fromCharCode(...bytes) };
}

describe('Machine', () => {
  it('runs a kernel with timer interrupts until it powers off, the same every time', () => {
    const runs = [start(TICKING), start(TICKING)];
    for (const { machine } of runs) expect(machine.runUntil()).toEqual({ reason: 'power-off', status: 0 });
    const [first, second] = runs as [Started, Started];
    expect(first.output()).toMatch(/^T{40}[A-P]{8}$/);
    expect(second.output()).toBe(first.output());
    expect([second.machine.cpu.cycles, second.machine.cpu.instructions]).toEqual([
      first.machine.cpu.cycles,
      first.machine.cpu.instructions,
    ]);
    expect(first.machine.clock.nanoseconds()).toBeGreaterThan(38_900_000);
  });

  it('goes on after save and load as if nothing had happened, wherever that is', () => {
    const whole = start(TICKING);
    whole.machine.runUntil();
    const total = whole.machine.cpu.instructions;
    for (const part of [0, 1, 1000, 1001, 1777, Math.floor(total / 2), total - 20]) {
      const before = start(TICKING);
      before.machine.runUntil({ instructions: part });
      const file = before.machine.save();
      const after = start(TICKING);
      after.machine.runUntil({ instructions: 3000 }); // nothing of this may be left
      const stale = after.output().length;
      after.machine.load(file);
      expect(Buffer.compare(after.machine.save(), file)).toBe(0);
      expect(after.machine.runUntil()).toEqual({ reason: 'power-off', status: 0 });
      expect(before.output() + after.output().slice(stale)).toBe(whole.output());
      expect([after.machine.cpu.instructions, after.machine.cpu.cycles]).toEqual([total, whole.machine.cpu.cycles]);
      expect(after.machine.cpu.counters()).toEqual(whole.machine.cpu.counters());
    }
  });

  it('stops exactly at an instruction limit and can go on', () => {
    const { machine, output } = start(TICKING);
    for (let limit = 100; limit <= 2000; limit += 137) {
      expect(machine.runUntil({ instructions: limit })).toEqual({ reason: 'limit', status: STATUS_LIMIT });
      expect(machine.cpu.instructions).toBe(limit);
    }
    machine.runUntil();
    const whole = start(TICKING);
    whole.machine.runUntil();
    expect(output()).toBe(whole.output());
    expect(machine.cpu.cycles).toBe(whole.machine.cpu.cycles);
  });

  it('idles until input wakes it, and replays recorded input to the bit', () => {
    const { machine, output } = start(ECHO);
    machine.input.recording = true;
    expect(machine.runUntil()).toEqual({ reason: 'idle', status: STATUS_IDLE, wakeable: true });
    for (const byte of 'hello') machine.serialIn(byte.charCodeAt(0));
    expect(machine.runUntil().reason).toBe('idle');
    machine.serialIn(0x71);
    expect(machine.runUntil()).toEqual({ reason: 'debug-exit', status: 15 });
    expect(output()).toBe('helloq');

    const again = start(ECHO);
    again.machine.input.replay(machine.input.log);
    expect(again.machine.runUntil()).toEqual({ reason: 'debug-exit', status: 15 });
    expect(again.output()).toBe('helloq');
    expect(again.machine.cpu.cycles).toBe(machine.cpu.cycles);
  });

  it('knows when nothing can ever wake it, even while a timer runs', () => {
    const timer = 'mov al, 0x34\n out 0x43, al\n mov al, 0\n out 0x40, al\n out 0x40, al\n';
    for (const program of ['', timer]) {
      const { machine } = start(kernel(`${program} cli\n hlt\nhandler: iretd`));
      expect(machine.runUntil()).toEqual({ reason: 'idle', status: STATUS_IDLE, wakeable: false });
    }
  });

  it('moves the local APIC where its base register says', () => {
    const { machine } = start(
      kernel(`
      mov ecx, 0x1b
      rdmsr
      and eax, 0xfff
      or eax, 0xfed00000
      wrmsr
      mov esi, [0xfed00030]
      mov edi, [0xfee00030]
      and eax, ~0x800
      wrmsr
      mov ebp, [0xfed00030]
      cli
      hlt
handler: iretd`),
    );
    machine.runUntil();
    expect([machine.cpu.reg(6), machine.cpu.reg(7), machine.cpu.reg(5)]).toEqual([0x50014, 0xffffffff, 0xffffffff]);
  });

  it('reports the chain of exceptions on a triple fault', () => {
    const { machine } = start(kernel('lidt [nothing]\n mov eax, [0]\n ud2\nhandler: iretd\nnothing: dw 0\n dd 0'));
    const stop = machine.runUntil();
    expect(stop).toMatchObject({ reason: 'shutdown', status: STATUS_SHUTDOWN });
    const report = stop.reason === 'shutdown' ? stop.report : '';
    expect(report).toMatch(/#UD invalid opcode at EIP 0x100[0-9a-f]{3}\n(.*#GP.*\n)+.*#DF double fault/);
  });

  it('returns when asked to, from outside and from a callback', () => {
    const { machine } = start(TICKING, {
      serialOut: () => machine.requestStop(),
    });
    expect(machine.runUntil()).toEqual({ reason: 'request', status: 0 });
  });

  it('refuses memory it cannot have with one sentence', () => {
    for (const memory of [0, MEBIBYTE, 2 * MEBIBYTE + 1, 4096 * MEBIBYTE, Number.NaN]) {
      expect(() => new Machine(loadCore(), { memory })).toThrow(MachineError);
    }
    expect(() => new Machine(loadCore(), { memory: MEBIBYTE })).toThrow(
      'A machine cannot have 1 MiB of memory; it can have 2 MiB to 3072 MiB in whole 4 KiB pages.',
    );
  });

  it('refuses the snapshot of a machine with other memory and stays as it is', () => {
    const small = start(TICKING);
    const large = start(TICKING, { memory: 8 * MEBIBYTE });
    expect(() => large.machine.load(small.machine.save())).toThrow(SnapshotError);
    expect(large.machine.runUntil()).toEqual({ reason: 'power-off', status: 0 });
  });
});
