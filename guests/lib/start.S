// Native entry: Multiboot Specification 0.6.96, "3.1 OS image format". Loaded at 1 MiB, flat segments, no paging.
  .section .multiboot, "a"
  .p2align 2
  .long 0x1badb002
  .long 0x00000003
  .long -(0x1badb002 + 0x00000003)

  .text
  .globl _start
_start:
  cli
  cld
  movl $boot_stack_end, %esp
  xorl %ebp, %ebp
  pushl %ebx
  pushl %eax
  call native_start

  .bss
  .p2align 12
  .globl boot_stack, boot_stack_end
boot_stack:
  .skip 16384
boot_stack_end:
  .section .note.GNU-stack, "", @progbits
