// Context switch of tinyos, and the embedded user image.
  .text
  // void switch_context(u32 **save, u32 *next)
  .globl switch_context, process_start
switch_context:
  movl 4(%esp), %eax
  movl 8(%esp), %edx
  pushl %ebp
  pushl %ebx
  pushl %esi
  pushl %edi
  movl %esp, (%eax)
  movl %edx, %esp
  popl %edi
  popl %esi
  popl %ebx
  popl %ebp
  ret
  // A new process's first time on the processor: its stack holds nothing but the trap frame.
process_start:
  jmp trap_leave

  .section .data
  .p2align 12
  .globl user_image_start, user_image_end
user_image_start:
  .incbin "tinyos-user.bin"
  .p2align 12
user_image_end:
  .section .note.GNU-stack, "", @progbits
