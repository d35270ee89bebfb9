// Entry of a program, system calls and the return from signal handlers, for both ABIs (System V ABI, "Process Initialization";
// syscall(2), "Architecture calling conventions"; sigreturn(2)).
  .section .note.GNU-stack, "", @progbits
  .text
  .globl _start, system_call, restore_signal

#ifdef __x86_64__
_start:
  xorl %ebp, %ebp
  movq %rsp, %rdi
  andq $-16, %rsp
  call start
  hlt

  // long system_call(long number, long a, long b, long c, long d, long e, long f)
system_call:
  movq %rdi, %rax
  movq %rsi, %rdi
  movq %rdx, %rsi
  movq %rcx, %rdx
  movq %r8, %r10
  movq %r9, %r8
  movq 8(%rsp), %r9
  syscall
  ret

restore_signal:
  movl $15, %eax
  syscall
#else
_start:
  xorl %ebp, %ebp
  movl %esp, %eax
  andl $-16, %esp
  subl $12, %esp
  pushl %eax
  call start
  hlt

system_call:
  pushl %ebx
  pushl %esi
  pushl %edi
  pushl %ebp
  movl 20(%esp), %eax
  movl 24(%esp), %ebx
  movl 28(%esp), %ecx
  movl 32(%esp), %edx
  movl 36(%esp), %esi
  movl 40(%esp), %edi
  movl 44(%esp), %ebp
  int $0x80
  popl %ebp
  popl %edi
  popl %esi
  popl %ebx
  ret

  // the number of the signal, the handler's argument, is still on the stack
restore_signal:
  popl %eax
  movl $119, %eax
  int $0x80
#endif
