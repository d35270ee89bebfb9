// Ring changes and fault entry of the rings guest. Truth: Intel SDM vol. 3 ch. 5 "Protection", 6 "Interrupt and
// exception handling".
#include "rings.h"
  .text

  // u32 run_at(u32 ring, void (*body)(void)): runs body in that ring; 1 when a fault ended it, 0 when it returned.
  .globl run_at
run_at:
  pushl %ebp
  pushl %ebx
  pushl %esi
  pushl %edi
  movl %esp, unwind_esp
  movl 20(%esp), %eax
  movl 24(%esp), %edx
  testl %eax, %eax
  jnz 1f
  call *%edx
  jmp unwind_fine
1:imull $0x11, %eax, %ecx        // selectors of that ring: 0x08 + 0x11 * ring, 0x10 + 0x11 * ring
  leal 0x10(%ecx), %ebx
  pushl %ebx
  pushl ring_stacks(,%eax,4)
  leal 0x08(%ecx), %ebx
  pushl %ebx
  pushl $outer_start
  lret
outer_start:
  call *%edx
  lcall $GATE_EXIT, $0

  // Back in ring 0 on whatever stack: to run_at's caller.
  .globl gate_exit
gate_exit:
unwind_fine:
  xorl %eax, %eax
  jmp unwind
unwind_fault:
  movl $1, %eax
unwind:
  movl $DATA(3), %ecx
  movl %ecx, %ds
  movl %ecx, %es
  movl $DATA(0), %ecx
  movl %ecx, %ss
  movl unwind_esp, %esp
  popl %edi
  popl %esi
  popl %ebx
  popl %ebp
  ret

  // Entries of vectors 0..63, 16 bytes apart: records the fault, then unwinds.
  .macro fault_entry number
  .p2align 4
  .if \number == 8 || (\number >= 10 && \number <= 14) || \number == 17
  .else
  pushl $0xffffffff
  .endif
  pushl $\number
  jmp fault_common
  .endm
  .p2align 4
  .globl fault_entries
fault_entries:
  .altmacro
  .set i, 0
  .rept 64
  fault_entry %i
  .set i, i + 1
  .endr
  .noaltmacro
fault_common:
  pushl %eax
  movl $DATA(3), %eax
  movl %eax, %ds
  popl %eax
  popl fault_vector
  popl fault_error
  popl fault_eip
  popl fault_cs
  popl fault_eflags
  movl $DATA(3), %eax
  movl %eax, %es
  cld
  jmp unwind_fault

  // The walk: 0 -> 1 -> 2 -> 3 by far returns, 3 -> 2 -> 1 -> 0 by call gates, 0 -> 1 -> 2 -> 3 by returning.
  .globl walk
walk:
  call report
  pushl $DATA(1)
  pushl ring_stacks+4
  pushl $CODE(1)
  pushl $1f
  lret
1:call report
  pushl $DATA(2)
  pushl ring_stacks+8
  pushl $CODE(2)
  pushl $2f
  lret
2:call report
  pushl $DATA(3)
  pushl ring_stacks+12
  pushl $CODE(3)
  pushl $3f
  lret
3:call report
  lcall $GATE_TO_2, $0
  call report
  lcall $GATE_EXIT, $0
  .globl gate_to_2, gate_to_1, gate_to_0
gate_to_2:
  call report
  lcall $GATE_TO_1, $0
  call report
  lret
gate_to_1:
  call report
  lcall $GATE_TO_0, $0
  call report
  lret
gate_to_0:
  call report
  lret

  // Two parameters, copied by the gate from the caller's stack.
  .globl gate_parameters, pass_parameters
gate_parameters:
  movl 8(%esp), %eax
  movl %eax, parameters
  movl 12(%esp), %eax
  movl %eax, parameters+4
  lret $8
pass_parameters:
  movl %esp, %ecx
  pushl $0x22222222
  pushl $0x11111111
  lcall $GATE_PARAMETERS, $0
  subl %esp, %ecx
  movl %ecx, parameters+8
  ret

  // Conforming code: keeps the caller's ring.
  .globl conforming_code
conforming_code:
  call report
  lret

  .data
unwind_esp: .long 0
  .section .note.GNU-stack, "", @progbits
