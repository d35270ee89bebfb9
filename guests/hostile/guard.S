// Guarded execution for the hostile guest: a fault ends the body and becomes a return value.
#include "../lib/pv-asm.h"
  .text
  .globl guard, guard_user, guard_unwind
guard:
  movl 4(%esp), %eax
  movl 8(%esp), %ecx
  pushl %ebp
  pushl %ebx
  pushl %esi
  pushl %edi
  movl %esp, guard_esp
  pushl %ecx
  call *%eax
  movl %eax, guard_result
  movl $-1, %eax
  jmp 1f
  // void guard_unwind(u32 vector): from trap_handler() back to guard's caller
guard_unwind:
  movl 4(%esp), %eax
1:movl guard_esp, %esp
  pushl $2
  popfl
  movl $PV_KERNEL_DS, %ecx
  movl %ecx, %ds
  movl %ecx, %es
  xorl %ecx, %ecx
  movl %ecx, %fs
  movl %ecx, %gs
  popl %edi
  popl %esi
  popl %ebx
  popl %ebp
  ret

  // u32 guard_user(u32 eip, u32 esp, u32 eax, u32 edx, u32 eflags): the same in ring 3, ended by any trap.
guard_user:
  movl %esp, %ecx
  pushl %ebp
  pushl %ebx
  pushl %esi
  pushl %edi
  movl %esp, guard_esp
  movl 12(%ecx), %eax
  movl 16(%ecx), %edx
  pushl $PV_USER_DS
  pushl 8(%ecx)
  pushl 20(%ecx)
  pushl $PV_USER_CS
  pushl 4(%ecx)
  movl $PV_USER_DS, %ecx
  movl %ecx, %ds
  movl %ecx, %es
  iret
  .data
  .globl guard_result
guard_result: .long 0
guard_esp: .long 0
  .section .note.GNU-stack, "", @progbits
