// Trap entries of nanobench, as short as the hardware allows, and its ring-3 loops.
// None of the gates masks interrupts, so a plain IRET leaves them under Xen too.
#include "../lib/pv-asm.h"
#include "layout.h"
  .text
  // Skips the two-byte instruction that faulted.
  .globl page_fault_entry, divide_entry, invalid_opcode_entry, system_call_entry, sysenter_entry, leave_entry
  .p2align 4
page_fault_entry:
  addl $4, %esp
  addl $2, (%esp)
  iret
  .p2align 4
divide_entry:
  addl $2, (%esp)
  iret
  .p2align 4
  // VMCALL is not there: skip it and say so.
invalid_opcode_entry:
  addl $3, (%esp)
  movl $0, hypercall_present
  iret
  .p2align 4
system_call_entry:
  iret
  .p2align 4
sysenter_entry:
  sysexit

  // u32 run_user(u32 entry, u32 count): runs a ring-3 loop, returns its cycles.
  .globl run_user
run_user:
  pushl %ebp
  pushl %ebx
  pushl %esi
  pushl %edi
  movl 20(%esp), %eax
  movl 24(%esp), %edi
  movl %esp, saved_esp
  movl $PV_USER_DS, %ecx
  movl %ecx, %ds
  movl %ecx, %es
  pushl %ecx
  pushl $USER_STACK
  pushl $2
  pushl $PV_USER_CS
  pushl %eax
  iret
leave_entry:
  movl $PV_KERNEL_DS, %ecx
  movl %ecx, %ds
  movl %ecx, %es
  movl saved_esp, %esp
  popl %edi
  popl %esi
  popl %ebx
  popl %ebp
  ret

  .bss
saved_esp: .skip 4

  // Copied to USER_CODE. In: %edi iterations. Out: %eax cycles.
  .section .rodata
  .globl user_code, user_code_end, user_plain, user_int80, user_prepare, user_sysenter
  .set user_base, USER_CODE
  .macro ring3_loop name, before, operation
  .p2align 4
\name:
  rdtsc
  movl %eax, %esi
  .p2align 4, 0x90
1:\before
  \operation
2:decl %edi
  jnz 1b
  rdtsc
  subl %esi, %eax
  int $VECTOR_LEAVE
  .endm
  .p2align 4
user_code:
  ring3_loop user_plain
  ring3_loop user_int80, , "int $0x80"
  ring3_loop user_prepare, "movl %esp, %ecx; movl $user_base + (2f - user_code), %edx"
  ring3_loop user_sysenter, "movl %esp, %ecx; movl $user_base + (2f - user_code), %edx", sysenter
user_code_end:
  .section .note.GNU-stack, "", @progbits
