// Where a processor arrives after its start-up message (SDM Vol. 3A "MP Initialization"): real-address mode at TRAMPOLINE,
// from there into the kernel's segments and onto a stack of its own. Then the interrupt entries.
#include "smp.h"

  .text
  .code16
  .globl trampoline, trampoline_end
trampoline:
  cli
  xorw %ax, %ax
  movw %ax, %ds
  lgdtl TRAMPOLINE + (trampoline_table - trampoline)
  movl %cr0, %eax
  orl $1, %eax
  movl %eax, %cr0
  ljmpl $CODE_SELECTOR, $arrived
trampoline_table:
  .word 23
  .long segments
trampoline_end:

  .code32
arrived:
  movw $DATA_SELECTOR, %ax
  movw %ax, %ds
  movw %ax, %es
  movw %ax, %fs
  movw %ax, %gs
  movw %ax, %ss
  movl LAPIC + LAPIC_ID, %eax
  shrl $24, %eax
  movl %eax, %edx
  incl %edx
  imull $STACK_SIZE, %edx
  leal stacks(%edx), %esp
  xorl %ebp, %ebp
  pushl %eax
  call processor_main

  .macro entry name, handler
  .globl \name
\name:
  pushal
  cld
  call \handler
  popal
  iretl
  .endm

  entry wake_entry, on_wake
  entry ping_entry, on_ping
  entry tick_entry, on_tick

  .bss
  .p2align 12
stacks:
  .skip STACK_SIZE * MOST_PROCESSORS
  .section .note.GNU-stack, "", @progbits
