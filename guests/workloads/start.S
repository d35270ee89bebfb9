// Entry and system calls of a static i386 Linux program (System V ABI "Process Initialization"; INT 0x80).
  .text
  .globl _start
_start:
  xorl %ebp, %ebp
  movl (%esp), %eax
  leal 4(%esp), %edx
  pushl %edx
  pushl %eax
  call program_main
  movl %eax, %ebx
  movl $1, %eax
  int $0x80
  hlt

  // i32 linux_call(u32 number, u32 a, u32 b, u32 c, u32 d, u32 e, u32 f)
  .globl linux_call
linux_call:
  pushl %ebp
  pushl %ebx
  pushl %esi
  pushl %edi
  movl 20(%esp), %eax
  movl 24(%esp), %ebx
  movl 28(%esp), %ecx
  movl 32(%esp), %edx
  movl 36(%esp), %esi
  movl 40(%esp), %edi
  movl 44(%esp), %ebp
  int $0x80
  popl %edi
  popl %esi
  popl %ebx
  popl %ebp
  ret
  .section .note.GNU-stack, "", @progbits
