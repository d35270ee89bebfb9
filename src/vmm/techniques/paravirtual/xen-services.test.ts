// What small paravirtual kernels ask for: descriptor tables, memory, events (Xen public headers).
import { describe, expect, test } from 'vitest';
import { loadCore } from '../../../../test/core.ts';
import { call, machineOf, mapAs, mmuext, TRAPS, trap, STACK_SWITCH, EINVAL } from './test-assembly.ts';
import { TestGuest } from './test-guest.ts';

const run = (text: string, instructions?: number): TestGuest & { stop: ReturnType<TestGuest['run']> } => {
  const guest = new TestGuest(loadCore(), text);
  const stop = guest.run(instructions);
  return Object.assign(guest, { stop });
};

describe('descriptor tables and debug registers', () => {
  test('a local descriptor table of the guest works, and its page cannot be written meanwhile', () => {
    const guest = run(`main:
${machineOf('page_a', 'scratch + 32')}
  mov dword [page_a + 8], 0x1000000f
  mov dword [page_a + 12], 0xc040b200
${mapAs(0, 'page_a', 'scratch + 32', 1)}
  mov dword [scratch], 13
  mov dword [scratch + 4], page_a
  mov dword [scratch + 8], 512
${call(1, 26, 'scratch', 1, 0, 'SELF')}
  mov eax, 0x0d
  mov fs, ax
  mov eax, [fs:0]
  mov [results + 8], eax
${mapAs(3, 'page_a', 'scratch + 32', 3)}
  mov dword [scratch], 13
  mov dword [scratch + 4], 0
  mov dword [scratch + 8], 0
  xor eax, eax
  mov fs, ax
${call(4, 26, 'scratch', 1, 0, 'SELF')}
${mapAs(5, 'page_a', 'scratch + 32', 3)}
  ret
  align 4096
  times 4096 db 0`);
    expect(guest.stop).toEqual({ reason: 'power-off', status: 0 });
    // Base 0xc0001000, limit 0xf: the second page of the kernel.
    expect(guest.result(2)).toBe(guest.word(0xc0001000) | 0);
    expect([0, 1, 3, 4, 5].map((n) => guest.result(n))).toEqual([0, 0, EINVAL, 0, 0]);
  });

  test('a breakpoint on memory that a hypercall writes harms nobody', () => {
    const guest = run(`main:
${TRAPS}
${call(0, 8, 0, 'scratch')}
${call(1, 8, 7, '0xd0401')}
  mov dword [scratch], 0
${call(2, 17, 5, 'scratch')}
${call(3, 8, 7, '0x400')}
  ret
debug:
  inc dword [results + 40]
  iret
traps:
${trap(1, 0, 'debug')}
  dd 0, 0`);
    expect(guest.stop).toEqual({ reason: 'power-off', status: 0 });
    expect(guest.result(10)).toBeGreaterThanOrEqual(1);
    expect(guest.word(guest.at('scratch')) >>> 0).toBe(0);
  });

  test('a return to segments that are not there goes to the failsafe callback', () => {
    const guest = run(`main:
${STACK_SWITCH}
${call(0, 4, 'KERNEL_CS', 'main', 'KERNEL_CS', 'failsafe')}
  pushfd
  push 0x0b
  push main
  push 0
  mov eax, 23
  int 0x82
failsafe:
  mov eax, [esp + 20]
  mov [results + 4], eax
  mov esp, stack_end
  jmp power_off`);
    expect(guest.stop).toEqual({ reason: 'power-off', status: 0 });
    expect(guest.result(1) & 0xffff).toBe(0x0b);
  });

  test('a stream of bad returns stops the domain', () => {
    const guest = run(`main:
${call(0, 4, 'KERNEL_CS', 'main', '0x0b', 'main')}
  pushfd
  push 0x0b
  push main
  push 0
  mov eax, 23
  int 0x82`);
    expect(guest.stop).toMatchObject({ reason: 'shutdown' });
  });
});

describe('memory', () => {
  test('a frame in use cannot be given back, a free one can, and comes back empty', () => {
    const guest = run(`main:
${machineOf('page_a', 'scratch + 32')}
  mov dword [page_a], 0x12345678
  mov eax, [scratch + 32]
  shr eax, 12
  mov [scratch + 64], eax
  mov dword [scratch], scratch + 64
  mov dword [scratch + 4], 1
  mov dword [scratch + 8], 0
  mov dword [scratch + 12], 0
  mov dword [scratch + 16], SELF
${call(0, 12, 1, 'scratch')}
  mov dword [scratch + 36], 0
${mapAs(1, 'page_a', 'scratch + 36', 0)}
${call(2, 12, 1, 'scratch')}
${call(3, 12, 3, 0)}
${mapAs(4, 'page_a', 'scratch + 32', 3)}
${call(5, 12, 0, 'scratch')}
${mapAs(6, 'page_a', 'scratch + 32', 3)}
  mov eax, [page_a]
  mov [results + 28], eax
  ret`);
    expect([0, 1, 2, 3, 4, 5, 6, 7].map((n) => guest.result(n))).toEqual([0, 0, 1, 2047, EINVAL, 1, 0, 0]);
  });

  test('pages are cleared and copied by their frame', () => {
    const guest = run(`main:
${machineOf('page_a', 'scratch + 32')}
${machineOf('page_b', 'scratch + 36')}
  mov dword [page_a + 100], 77
  mov eax, [scratch + 32]
  shr eax, 12
  mov [scratch + 8], eax
  mov eax, [scratch + 36]
  shr eax, 12
  mov [scratch + 4], eax
  mov dword [scratch], 17
${call(0, 26, 'scratch', 1, 0, 'SELF')}
  mov eax, [page_b + 100]
  mov [results + 4], eax
${mmuext(2, 16, 'scratch + 36')}
  mov eax, [page_b + 100]
  mov [results + 12], eax
  ret`);
    expect([0, 1, 2, 3].map((n) => guest.result(n))).toEqual([0, 77, 0, 0]);
  });
});

test('the grant table has frames that can be mapped', () => {
  const guest = run(`main:
  mov dword [scratch], SELF
  mov dword [scratch + 4], 2
  mov dword [scratch + 8], -1
  mov dword [scratch + 12], scratch + 64
${call(0, 20, 2, 'scratch', 1)}
  movzx eax, word [scratch + 8]
  mov [results + 4], eax
  mov ecx, [scratch + 68]
  shl ecx, 12
  mov [scratch + 32], ecx
${mapAs(2, 'page_a', 'scratch + 32', 3)}
  mov dword [page_a], 5
${call(3, 20, 0, 'scratch', 1)}
  ret`);
  expect([0, 1, 2, 3].map((n) => guest.result(n))).toEqual([0, 0, 0, -38]);
  expect(guest.warnings.join(' ')).toContain('no other domain');
});

describe('events', () => {
  const kernel = (main: string): string => `main:
  mov esi, [info]
  mov ecx, [esi + 36]
  or ecx, 3
  mov ebx, shared_page
  xor edx, edx
  mov esi, 2
  mov eax, 14
  int 0x82
${call(0, 4, 'KERNEL_CS', 'event', 'KERNEL_CS', 'event')}
${call(1, 24, 7, 0, 0)}
${main}
  ret
event:
  inc dword [results + 40]
  mov byte [shared_page], 0
  mov dword [shared_page + 4], 0
  mov eax, [shared_page + 2048]
  mov [results + 44], eax
  mov dword [shared_page + 2048], 0
  mov eax, [esp + 8]
  mov [results + 48], eax
  push eax
  mov eax, 23
  int 0x82`;
  const bindTimer = `
  mov dword [scratch], 0
  mov dword [scratch + 4], 0
${call(2, 32, 1, 'scratch')}
  mov eax, [scratch + 8]
  mov [results + 12], eax
${call(4, 32, 9, 'scratch + 8')}`;

  test('a blocked domain is woken by its timer', () => {
    const guest = run(
      kernel(`${bindTimer}
${call(5, 15, 2_000_000, 0)}
${call(6, 29, 1, 0)}`),
    );
    expect(guest.stop).toEqual({ reason: 'power-off', status: 0 });
    expect(guest.result(10)).toBe(1);
    expect(guest.result(11)).toBe(1 << guest.result(3));
    expect(guest.result(12) & 0x200).toBe(0x200);
    expect(guest.xen.time.now()).toBeGreaterThanOrEqual(2_000_000);
    expect(guest.xen.time.now()).toBeLessThan(2_100_000);
  });

  test('masked events wait, and come when the mask is taken away', () => {
    const guest = run(
      kernel(`  mov dword [scratch], 0
${call(2, 32, 7, 'scratch')}
  mov eax, [scratch + 4]
  mov [scratch], eax
${call(3, 32, 9, 'scratch')}
${call(4, 32, 4, 'scratch')}
  mov eax, [results + 40]
  mov [results + 20], eax
  mov byte [shared_page + 1], 0
${call(6, 17, 0, 0)}
  mov eax, [results + 40]
  mov [results + 28], eax`),
    );
    expect(guest.result(5)).toBe(0);
    expect(guest.result(7)).toBe(1);
  });

  test('a poll ends with its time, or with a port that is pending although it is masked', () => {
    const guest = run(
      kernel(`  mov dword [scratch], 0
${call(2, 32, 7, 'scratch')}
  mov eax, [scratch + 4]
  mov [scratch + 64], eax
  mov dword [scratch], scratch + 64
  mov dword [scratch + 4], 1
  mov dword [scratch + 8], 3000000
  mov dword [scratch + 12], 0
${call(3, 29, 3, 'scratch')}
${call(4, 32, 4, 'scratch + 64')}
  mov dword [scratch + 8], 0
${call(5, 29, 3, 'scratch')}`),
    );
    expect(guest.stop).toEqual({ reason: 'power-off', status: 0 });
    expect([3, 4, 5].map((n) => guest.result(n))).toEqual([0, 0, 0]);
    expect(guest.xen.time.now()).toBeGreaterThanOrEqual(3_000_000);
    expect(guest.result(10)).toBe(0);
  });

  test('a domain that waits for nothing ends the run', () => {
    const guest = run(kernel(call(5, 29, 1, 0)));
    expect(guest.stop).toMatchObject({ reason: 'idle', wakeable: false });
  });
});
