// Small paravirtual kernels: how they start, what they cannot do, how traps reach them (Xen public headers).
import { describe, expect, test } from 'vitest';
import { loadCore } from '../../../../test/core.ts';
import {
  call,
  machineOf,
  mapAs,
  mmuext,
  TRAPS,
  trap,
  STACK_SWITCH,
  toUser,
  openToUser,
  EINVAL,
  EPERM,
  EFAULT,
  ENOSYS,
} from './test-assembly.ts';
import { TestGuest } from './test-guest.ts';

const run = (text: string, instructions?: number): TestGuest & { stop: ReturnType<TestGuest['run']> } => {
  const guest = new TestGuest(loadCore(), text);
  const stop = guest.run(instructions);
  return Object.assign(guest, { stop });
};

describe('start of a paravirtual kernel', () => {
  const guest = run(`main:
  mov [results], cs
  mov eax, [esi]
  mov [results + 4], eax
  mov eax, [esi + 32]
  mov [results + 8], eax
  mov ecx, [esi + 68]
  mov ecx, [ecx]
  mov [results + 12], ecx
  mov eax, [M2P + ecx * 4]
  mov [results + 16], eax
  mov eax, [esi + 60]
  mov [results + 20], eax
  ret`);

  test('it runs in ring 1 with start_info in ESI', () => {
    expect(guest.stop).toEqual({ reason: 'power-off', status: 0 });
    expect(guest.result(0) & 0xffff).toBe(0xe019);
    expect(guest.result(1)).toBe(0x2d6e6578); // "xen-"
    expect(guest.result(2)).toBe(2048);
  });

  test('frame lists lead there and back', () => {
    expect(guest.result(3)).toBe(guest.machineAddress(0xc0000000) / 4096);
    expect(guest.result(4)).toBe(0);
  });

  test('its page tables are read-only to it', () => {
    const write = run(`main:
${TRAPS}
  mov eax, [esi + 60]
  mov dword [eax], 0
  ret
fault:
  mov eax, [esp]
  mov [results], eax
  jmp power_off
traps:
${trap(14, 4, 'fault')}
  dd 0, 0`);
    expect(write.result(0)).toBe(3);
    expect(write.xen.counters.get('injected', '#PF')).toBe(1);
  });
});

describe('what a kernel cannot do', () => {
  test('map a frame that is not its own', () => {
    const foreign = ['0x00000000', '0x00400000', '0x00800000', '0x00fff000', '0xfee00000', '0xfffff000'];
    const guest = run(`main:
${foreign.map((at, i) => `  mov dword [scratch + 8], ${at}\n${mapAs(i, 'page_a', 'scratch + 8', 3)}`).join('\n')}
  ret`);
    for (const i of foreign.keys()) expect(guest.result(i)).toBe(EINVAL);
    expect(guest.xen.counters.get('paging', 'refused: foreign frame')).toBe(4);
    expect(guest.xen.counters.get('paging', 'refused: no such frame')).toBe(2);
  });

  test('map a page table writable, or use a writable page as one', () => {
    const guest = run(`main:
${machineOf('page_a', 'scratch + 32')}
${machineOf('page_b', 'scratch + 36')}
${mmuext(0, 0, 'scratch + 32')}
${mapAs(1, 'page_a', 'scratch + 32', 1)}
${mmuext(2, 0, 'scratch + 32')}
${mapAs(3, 'page_c', 'scratch + 32', 3)}
${mapAs(4, 'page_a', 'scratch + 32', 3)}
${mmuext(5, 4, 'scratch + 32')}
${mapAs(6, 'page_a', 'scratch + 32', 3)}
  ret`);
    expect([0, 1, 2, 3, 4, 5, 6].map((n) => guest.result(n))).toEqual([EINVAL, 0, 0, EINVAL, EINVAL, 0, 0]);
  });

  test('pass an address of the hypervisor to a hypercall', () => {
    const guest = run(`main:
${call(0, 1, '0xfc400000', 1, 0, 'SELF')}
${call(1, 17, 6, '0xfc400000')}
${call(2, 18, 0, 16, '0xfc402000')}
${call(3, 2, '0xfffffffc', 1)}
${call(4, 0, '0xfc400000')}
  ret`);
    for (let n = 0; n < 5; n++) expect(guest.result(n)).toBe(EFAULT);
    expect(guest.output).toBe('');
  });

  test('have a segment of ring 0 or one that reaches the hypervisor', () => {
    const guest = run(`main:
${machineOf('page_a', 'scratch + 32')}
${mapAs(0, 'page_a', 'scratch + 32', 1)}
  mov eax, [scratch + 32]
  shr eax, 12
  mov [scratch], eax
${call(1, 2, 'scratch', 512)}
${[
  ['0x0000ffff', '0x00cf9a00'],
  ['0x0000ffff', '0x00cf9200'],
  ['0x0000ffff', '0xfdcfb300'],
  ['0xe0080000', '0x0000ec00'],
  ['0x00000067', '0x0000e900'],
]
  .map(([low, high], i) => `  mov edx, [scratch + 32]\n  add edx, 8\n${call(2 + i, 10, 'edx', 0, low!, high!)}`)
  .join('\n')}
  mov edx, [scratch + 32]
  add edx, 8
${call(7, 10, 'edx', 0, '0x0000ffff', '0x00cfb200')}
  mov eax, 9
  lsl ecx, ax
  mov [results + 32], ecx
  mov ds, eax
  mov eax, [results]
${mapAs(9, 'page_a', 'scratch + 32', 3)}
  ret`);
    expect(guest.stop).toEqual({ reason: 'power-off', status: 0 });
    expect(guest.result(1)).toBe(0);
    for (let n = 2; n < 7; n++) expect(guest.result(n)).toBe(EINVAL);
    expect(guest.result(7)).toBe(0);
    expect(guest.result(8) >>> 0).toBe(0xfc3fffff);
    expect(guest.result(9)).toBe(EINVAL);
    expect(guest.xen.counters.get('paging', 'refused: writable mapping of a descriptor table')).toBe(1);
  });

  test('name a handler, a callback or a stack of ring 0', () => {
    const guest = run(`main:
${call(0, 0, 'traps')}
${call(1, 4, '0xe008', 'main', 'KERNEL_CS', 'main')}
${call(2, 3, '0xe010', 'stack_end')}
  ret
traps:
  db 13, 0
  dw 0xe008
  dd main
  dd 0, 0`);
    for (let n = 0; n < 3; n++) expect(guest.result(n)).toBe(EPERM);
  });

  test('set a breakpoint inside the hypervisor or watch the debug registers', () => {
    const guest = run(`main:
${call(0, 8, 0, '0xfc401000')}
${call(1, 8, 0, 'main')}
${call(2, 8, 7, '0x2403')}
${call(3, 9, 7)}
${call(4, 8, 7, '0x400')}
  ret`);
    expect([0, 1, 2, 3].map((n) => guest.result(n))).toEqual([EPERM, 0, 0, 0x403]);
  });

  test('return to ring 0: the domain is stopped', () => {
    const guest = run(`main:
  pushfd
  push 0xe008
  push main
  push 0
  mov eax, 23
  int 0x82
  ret`);
    expect(guest.stop).toMatchObject({ reason: 'shutdown' });
    expect('report' in guest.stop && guest.stop.report).toContain('return to ring 0');
  });

  test('go on after an exception without a handler: the domain is stopped and the sentence says why', () => {
    const guest = run('main:\n  ud2\n  ret');
    expect(guest.stop).toMatchObject({ reason: 'shutdown' });
    expect('report' in guest.stop && guest.stop.report).toMatch(/#UD at e019:.* no handler/);
  });

  test('take an exception on a stack that is not there', () => {
    const guest = run(`main:
${TRAPS}
  mov esp, 0x1000
  ud2
handler: jmp power_off
traps:
${trap(6, 0, 'handler')}
  dd 0, 0`);
    expect(guest.stop).toMatchObject({ reason: 'shutdown' });
    expect('report' in guest.stop && guest.stop.report).toContain('kernel stack');
  });

  test('keep the processor: it is taken back after a slice', () => {
    const guest = run('main: jmp main', 30_000_000);
    expect(guest.stop.reason).toBe('limit');
    expect(guest.xen.counters.get('traps', 'host timer')).toBeGreaterThan(0);
  });
});

describe('ring 3', () => {
  const kernel = (user: string, more = ''): string => `main:
${openToUser('user_code')}
${openToUser('user_stack')}
${TRAPS}
${STACK_SWITCH}
  rdtsc
${toUser('user_code')}
system_call:
  inc dword [results]
  iret
done:
  mov [results + 4], eax
  jmp power_off
gp:
  pop dword [results + 8]
  add dword [esp], 2
  iret
traps:
${trap(0x80, 3, 'system_call')}
${trap(0x81, 3, 'done')}
${trap(13, 0, 'gp')}
  dd 0, 0
${more}
  align 4096
user_code:
${user}
  int 0x81`;

  test('a system call goes straight to the kernel: the hypervisor is not entered', () => {
    const body = (times: number): string => kernel(`  mov ecx, ${times}\nagain: int 0x80\n  loop again`);
    const one = run(body(1));
    const many = run(body(1000));
    expect(many.stop).toEqual({ reason: 'power-off', status: 0 });
    expect(many.result(0)).toBe(1000);
    expect(many.xen.counters.entries).toBe(one.xen.counters.entries);
  });

  test('hypercalls are the kernel’s alone', () => {
    const guest = run(kernel('  mov eax, 17\n  xor ebx, ebx\n  int 0x82'));
    expect(guest.stop).toEqual({ reason: 'power-off', status: 0 });
    expect(guest.result(2)).toBe(0x82 * 8 + 2);
    expect(guest.result(1)).toBe(17);
  });

  test('segments end below the hypervisor', () => {
    const guest = run(kernel('  mov bl, [ecx]', '').replace('  rdtsc\n', '  mov ecx, 0xfc400000\n'));
    expect(guest.stop).toEqual({ reason: 'power-off', status: 0 });
    // One for the access, one for INT 0x81.
    expect(guest.xen.counters.get('traps', '#GP')).toBe(2);
  });
});

describe('costs that are facts', () => {
  test('a demand fault enters the hypervisor twice: the bounce and the update', () => {
    const body = (faults: number): string => `main:
${TRAPS}
${machineOf('page_b', 'scratch + 32')}
  mov dword [scratch + 40], ${faults}
again:
  mov ebx, page_a
  xor ecx, ecx
  xor edx, edx
  mov esi, 2
  mov eax, 14
  int 0x82
  mov eax, [page_a]
  dec dword [scratch + 40]
  jnz again
  ret
fault:
  add esp, 4
${mapAs(0, 'page_a', 'scratch + 32', 3)}
  iret
traps:
${trap(14, 0, 'fault')}
  dd 0, 0`;
    const entries = (faults: number): number => run(body(faults)).xen.counters.entries;
    // Each round unmaps once and faults once.
    expect(entries(11) - entries(1)).toBe(10 * (1 + 2));
  });

  test.each([1, 2048, 2049, 5000])('%d batched updates take one entry for every 2048', (count) => {
    const guest = run(`main:
${machineOf('page_a', 'scratch + 32')}
  mov edi, 0xc0200000
  mov ecx, ${count}
  mov eax, [scratch + 32]
fill:
  mov [edi], eax
  mov dword [edi + 4], 0
  mov dword [edi + 8], 7
  mov dword [edi + 12], 0
  add edi, 16
  loop fill
${call(0, 1, '0xc0200000', count, 'scratch', 'SELF')}
  mov eax, [scratch]
  mov [results + 4], eax
  ret`);
    expect(guest.result(0)).toBe(0);
    expect(guest.result(1)).toBe(count);
    expect(guest.word(guest.at('page_a'))).toBe(7);
    expect(guest.xen.counters.get('hypercalls', 'mmu_update')).toBe(Math.ceil(count / 2048));
  });

  test('a switch of address spaces is one hypercall', () => {
    const guest = run(`main:
  mov esi, [info]
  mov eax, [esi + 60]
  sub eax, 0xc0000000
  shr eax, 12
  mov esi, [esi + 68]
  mov eax, [esi + eax * 4]
  shl eax, 12
  mov [scratch + 32], eax
${mmuext(0, 5, 'scratch + 32')}
  ret`);
    expect(guest.result(0)).toBe(0);
    expect(guest.xen.counters.get('hypercalls', 'mmuext_op')).toBe(1);
    expect(guest.xen.counters.get('paging', 'new_baseptr')).toBe(1);
  });
});

describe('hypercalls', () => {
  test('one that does not exist gets ENOSYS and a named warning', () => {
    const guest = run(`main:\n${call(0, 36, 0)}\n${call(1, 55)}\n  ret`);
    expect(guest.result(0)).toBe(ENOSYS);
    expect(guest.result(1)).toBe(ENOSYS);
    expect(guest.warnings.join(' ')).toMatch(/domctl.*number 55/);
  });

  test('the hypercall page calls them', () => {
    const guest = run(`main:
  xor ebx, ebx
  mov eax, hypercall_page + 17 * 32
  call eax
  mov [results], eax
  ret`);
    expect(guest.result(0)).toBe(0x30004);
  });

  test('multicall makes several with one entry', () => {
    const guest = run(`main:
${call(0, 13, 'list', 2)}
  mov eax, [list + 4]
  mov [results + 4], eax
  mov eax, [list + 36]
  mov [results + 8], eax
  ret
list:
  dd 17, -1, 0, 0, 0, 0, 0, 0
  dd 36, -1, 0, 0, 0, 0, 0, 0`);
    expect([0, 1, 2].map((n) => guest.result(n))).toEqual([0, 0x30004, ENOSYS]);
  });

  test('console_io writes', () => {
    const guest = run(`main:\n${call(0, 18, 0, 5, 'text')}\n  ret\ntext: db 'hello'`);
    expect(guest.output).toBe('hello');
  });

  test('CPUID behind the prefix tells of the hypervisor', () => {
    const guest = run(`main:
  mov eax, 0x40000000
  db 0x0f, 0x0b, 0x78, 0x65, 0x6e
  cpuid
  mov [results], ebx
  ret`);
    expect(guest.result(0)).toBe(0x566e6558);
  });

  test('port instructions are refused until the kernel asks for them to be emulated', () => {
    const guest = run(`main:
${TRAPS}
  in al, 0x80
  mov dword [scratch], 1
${call(1, 33, 6, 'scratch')}
  xor eax, eax
  in al, 0x80
  mov [results + 8], eax
  ret
gp:
  add esp, 4
  add dword [esp], 2
  inc dword [results]
  iret
traps:
${trap(13, 0, 'gp')}
  dd 0, 0`);
    expect(guest.result(0)).toBe(1);
    expect(guest.result(2)).toBe(0xff);
  });
});
