// User image header (struct user_header in abi.h), entry, system calls.
#include "../abi.h"
  .section .header, "a"
  .long USER_MAGIC, entry, text_size, image_size, memory_size, program_names
  .text
  // On the stack: argc, argv.
entry:
  xorl %ebp, %ebp
  call program_main
  movl %eax, %ebx
  movl $SYS_EXIT, %eax
  int $0x80
  hlt

  // i32 system_call(u32 number, u32 a, u32 b, u32 c)
  .globl system_call
system_call:
  pushl %ebx
  movl 8(%esp), %eax
  movl 12(%esp), %ebx
  movl 16(%esp), %ecx
  movl 20(%esp), %edx
  int $0x80
  popl %ebx
  ret
  .section .note.GNU-stack, "", @progbits
