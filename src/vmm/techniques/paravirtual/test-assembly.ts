// Pieces of assembly for the kernels of this directory's tests: hypercalls that leave their result in `results`, traps,
// the way to ring 3.

/** hypercall number, arguments → results[n] */
export const call = (n: number, number: number, ...args: (number | string)[]): string => {
  const registers = ['ebx', 'ecx', 'edx', 'esi', 'edi'];
  return [
    ...args.map((value, i) => `  mov ${registers[i]!}, ${value}`),
    `  mov eax, ${number}`,
    '  int 0x82',
    `  mov [results + ${n * 4}], eax`,
  ].join('\n');
};

/** Machine address of a label's page into [where] (uses the frame list). */
export const machineOf = (label: string, where: string): string => `
  mov esi, [info]
  mov esi, [esi + 68]
  mov ecx, [esi + ((${label} - 0xc0000000) / 4096) * 4]
  shl ecx, 12
  mov [${where}], ecx`;

/** update_va_mapping(label, machine address in [where] | flags) → results[n] */
export const mapAs = (n: number, label: string, where: string, flags: number): string => `
  mov ecx, [${where}]
  or ecx, ${flags}
  mov ebx, ${label}
  xor edx, edx
  mov esi, 2
  mov eax, 14
  int 0x82
  mov [results + ${n * 4}], eax`;

/** mmuext_op with command and frame of [where] → results[n] */
export const mmuext = (n: number, command: number, where: string): string => `
  mov eax, [${where}]
  shr eax, 12
  mov [scratch + 4], eax
  mov dword [scratch], ${command}
  mov dword [scratch + 8], 0
${call(n, 26, 'scratch', 1, 0, 'SELF')}`;

/** set_trap_table(traps) */
export const TRAPS = `
  mov ebx, traps
  mov eax, 0
  int 0x82
`;
/** A line of a trap table. */
export const trap = (vector: number, flags: number, label: string): string =>
  `  db ${vector}, ${flags}\n  dw KERNEL_CS\n  dd ${label}`;
/** stack_switch to the middle of the stack. */
export const STACK_SWITCH = '  mov ebx, KERNEL_DS\n  mov ecx, stack + 2048\n  mov eax, 3\n  int 0x82';
/** Goes to ring 3 at a label, in the kernel's pages made accessible first. */
export const toUser = (label: string): string => `
  mov eax, USER_DS
  mov ds, ax
  push eax
  push user_stack_end
  push 0x202
  push USER_CS
  push ${label}
  iret`;
/** Opens page directory entry and the page of a label to ring 3. */
export const openToUser = (label: string): string => `
${machineOf(label, 'scratch + 128')}
${mapAs(60, label, 'scratch + 128', 0x67)}`;

// Results as the guest sees them.
export const EINVAL = -22;
export const EPERM = -1;
export const EFAULT = -14;
export const ENOSYS = -38;
