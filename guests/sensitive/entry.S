// Entries and the far-transfer probes of the sensitive guest. Each probe returns the code segment selector (or the
// value) it saw in %eax.
  .text
  .globl interrupt_entry, timer_entry, ignore_entry, probe_call, probe_jmp, probe_int, probe_ret, probe_iret
  // INT 0x40: reports the CS that the interrupt pushed.
interrupt_entry:
  movl 4(%esp), %eax
  iret
timer_entry:
  incl timer_ticks
  pushl %eax
  movb $0x20, %al
  outb %al, $0x20
  popl %eax
  iret
  // A fault nobody expected: reports vector-independent marker and gives up the probe that caused it.
  .globl fault_entries, run_probe
  .altmacro
  .macro fault_entry number
  .p2align 4
  .if \number == 8 || (\number >= 10 && \number <= 14) || \number == 17
  .else
  pushl $0
  .endif
  movl $\number, fault_vector
  jmp fault_common
  .endm
  .p2align 4
fault_entries:
  .set i, 0
  .rept 32
  fault_entry %i
  .set i, i + 1
  .endr
  .noaltmacro
fault_common:
  movl unwind_esp, %esp
  movl $0x10, %eax
  movl %eax, %ds
  movl %eax, %es
  movl $0xfa170000, %eax
  orl fault_vector, %eax
  jmp 1f
  // u32 run_probe(u32 (*probe)(void)): what the probe returns, or 0xfa1700vv when fault vv ended it.
run_probe:
  movl 4(%esp), %ecx
  pushl %ebp
  pushl %ebx
  pushl %esi
  pushl %edi
  movl %esp, unwind_esp
  call *%ecx
1:popl %edi
  popl %esi
  popl %ebx
  popl %ebp
  ret

probe_call:
  lcall $0x08, $2f
  ret
2:movl 4(%esp), %eax
  lret
probe_jmp:
  ljmp $0x08, $3f
3:xorl %eax, %eax
  movw %cs, %ax
  ret
probe_int:
  int $0x40
  ret
probe_ret:
  pushl $0x08
  pushl $4f
  lret
4:xorl %eax, %eax
  movw %cs, %ax
  ret
  // IRET with IOPL 3 and DF in the flags image: what PUSHF shows afterwards, and CS.
probe_iret:
  pushl $0x3402
  pushl $0x08
  pushl $5f
  iret
5:pushfl
  popl %eax
  cld
  andl $0x7f00, %eax
  shll $16, %eax
  movw %cs, %ax
  pushl $2
  popfl
  ret
  .data
  .globl fault_vector
fault_vector: .long 0
unwind_esp: .long 0
  .section .note.GNU-stack, "", @progbits
