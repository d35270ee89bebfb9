// Trap entries of the kernels that use pv-ops.h: each leaves a struct trap_frame and calls trap_handler().
#include "pv-asm.h"
  .text
  .macro entry number, has_error=0
  .p2align 3
trap_entry_\number:
  .if \has_error == 0
  pushl $0
  .endif
  pushl $\number
  jmp trap_common
  .endm

  .irp n, 0, 1, 2, 3, 4, 5, 6, 7, 9, 16, 18, 19
  entry \n
  .endr
  .irp n, 8, 10, 11, 12, 13, 14, 17
  entry \n, 1
  .endr
  .irp n, 32, 33, 34, 35, 36, 37, 38, 39, 40, 41, 42, 43, 44, 45, 46, 47, 128
  entry \n
  .endr

trap_common:
  pushal
  pushl %ds
  pushl %es
  movl $PV_KERNEL_DS, %eax
  movl %eax, %ds
  movl %eax, %es
  cld
  pushl %esp
  call trap_handler
  addl $4, %esp
  .globl trap_leave
trap_leave:
  popl %es
  popl %ds
  popal
  addl $8, %esp
  PV_IRET

  .globl trap_return
trap_return:
  movl 4(%esp), %esp
  jmp trap_leave

  // struct pv_trap: vector, flags, cs, address
  .macro line number, flags
  .byte \number, \flags
  .word PV_KERNEL_CS
  .long trap_entry_\number
  .endm
  .section .rodata
  .p2align 3
  .globl trap_table
trap_table:
  .irp n, 0, 1, 2, 5, 6, 7, 9, 16, 18, 19, 8, 10, 11, 12, 13, 14, 17
  line \n, 4
  .endr
  line 3, 7
  line 4, 7
  .irp n, 32, 33, 34, 35, 36, 37, 38, 39, 40, 41, 42, 43, 44, 45, 46, 47
  line \n, 4
  .endr
  line 128, 3
  .long 0, 0
  .section .note.GNU-stack, "", @progbits
