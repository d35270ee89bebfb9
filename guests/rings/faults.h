// Every fault the rings guest provokes: F(ring, words to print, instructions before, the instruction itself).
// Instructions are GNU assembler; %eax, %ecx, %edx and the segment registers may be used freely.
#pragma once
#define STRING2(x) #x
#define STRING(x) STRING2(x)
#define LOAD_EAX(value) "movl $" STRING(value) ", %eax"

#define PRIVILEGED(F, ring)                                      \
  F(ring, "hlt", "", "hlt")                                      \
  F(ring, "cli", "", "cli")                                      \
  F(ring, "sti", "", "sti")                                      \
  F(ring, "clts", "", "clts")                                    \
  F(ring, "mov cr0, eax", "", "movl %eax, %cr0")                 \
  F(ring, "mov eax, cr0", "", "movl %cr0, %eax")                 \
  F(ring, "mov cr3, eax", "", "movl %eax, %cr3")                 \
  F(ring, "mov eax, cr4", "", "movl %cr4, %eax")                 \
  F(ring, "mov dr7, eax", "", "movl %eax, %dr7")                 \
  F(ring, "mov eax, dr0", "", "movl %dr0, %eax")                 \
  F(ring, "lmsw ax", "", "lmsw %ax")                             \
  F(ring, "lgdt", "", "lgdt buffer")                             \
  F(ring, "lidt", "", "lidt buffer")                             \
  F(ring, "lldt ax", "xorl %eax, %eax", "lldt %ax")              \
  F(ring, "ltr ax", LOAD_EAX(SEL_TSS), "ltr %ax")                \
  F(ring, "invlpg", "", "invlpg buffer")                         \
  F(ring, "wbinvd", "", "wbinvd")                                \
  F(ring, "invd", "", "invd")                                    \
  F(ring, "rdmsr", "movl $0x174, %ecx", "rdmsr")                 \
  F(ring, "wrmsr", "movl $0x174, %ecx", "wrmsr")                 \
  F(ring, "in al, 0x80", "", "inb $0x80, %al")                   \
  F(ring, "out 0x80, al", "", "outb %al, $0x80")                 \
  F(ring, "in eax, dx", "movl $0x70, %edx", "inl %dx, %eax")     \
  F(ring, "ins", "movl $0x70, %edx; movl $buffer, %edi", "insb") \
  F(ring, "outs", "movl $0x80, %edx; movl $buffer, %esi", "outsb")

#define SEGMENT_FAULTS(F)                                                                                       \
  F(3, "mov ds, null selector", "xorl %eax, %eax", "movl %eax, %ds")                                            \
  F(3, "mov gs, null selector; mov eax, gs:[0]", "xorl %eax, %eax; movl %eax, %gs", "movl %gs:0, %eax")         \
  F(3, "mov ds, selector beyond the GDT", LOAD_EAX(SEL_BEYOND), "movl %eax, %ds")                               \
  F(3, "mov ds, selector beyond the LDT", "movl $0x3f, %eax", "movl %eax, %ds")                                 \
  F(3, "mov gs, segment in the LDT", "movl $0x07, %eax", "movl %eax, %gs")                                      \
  F(3, "mov ds, data of ring 0", "movl $0x10, %eax", "movl %eax, %ds")                                          \
  F(2, "mov ds, data of ring 1", "movl $0x20, %eax", "movl %eax, %ds")                                          \
  F(1, "mov ds, data of ring 2", "movl $0x30, %eax", "movl %eax, %ds")                                          \
  F(0, "mov ds, data of ring 0 with RPL 3", "movl $0x13, %eax", "movl %eax, %ds")                               \
  F(3, "mov ds, not present", LOAD_EAX(SEL_ABSENT_DATA), "movl %eax, %ds")                                      \
  F(3, "mov ds, execute-only code", LOAD_EAX(SEL_EXECUTE_ONLY), "movl %eax, %ds")                               \
  F(3, "mov ds, task state segment", LOAD_EAX(SEL_TSS), "movl %eax, %ds")                                       \
  F(3, "mov ds, call gate", LOAD_EAX(GATE_EXIT), "movl %eax, %ds")                                              \
  F(0, "pop es, not present", "pushl $" STRING(SEL_ABSENT_DATA), "popl %es")                                    \
  F(0, "lds eax, not present", "movl $absent_pointer, %ecx", "lds (%ecx), %eax")                                \
  F(0, "mov cs, ax", "", ".byte 0x8e, 0xc8")                                                                    \
  F(3, "write to read-only data", LOAD_EAX(SEL_READ_ONLY) "; movl %eax, %gs", "movl %eax, %gs:0")               \
  F(3, "read from read-only data", LOAD_EAX(SEL_READ_ONLY) "; movl %eax, %gs", "movl %gs:0, %eax")              \
  F(3, "write to cs", "", "movl %eax, %cs:buffer")                                                              \
  F(3, "read last byte within limit", LOAD_EAX(SEL_SMALL) "; movl %eax, %gs", "movb %gs:0xfff, %al")            \
  F(3, "read one byte past limit", LOAD_EAX(SEL_SMALL) "; movl %eax, %gs", "movb %gs:0x1000, %al")              \
  F(3, "read dword across limit", LOAD_EAX(SEL_SMALL) "; movl %eax, %gs", "movl %gs:0xffd, %eax")               \
  F(0, "write dword across limit", LOAD_EAX(SEL_SMALL) "; movl %eax, %gs", "movl %eax, %gs:0xffe")              \
  F(3, "expand-down: read below", LOAD_EAX(SEL_EXPAND_DOWN) "; movl %eax, %gs", "movb %gs:0xfff, %al")          \
  F(3, "expand-down: read above", LOAD_EAX(SEL_EXPAND_DOWN) "; movl %eax, %gs", "movb %gs:0x1000, %al")         \
  F(3, "mov ss, null selector", "xorl %eax, %eax", "movl %eax, %ss")                                            \
  F(0, "mov ss, null selector", "xorl %eax, %eax", "movl %eax, %ss")                                            \
  F(3, "mov ss, data of ring 0", "movl $0x10, %eax", "movl %eax, %ss")                                          \
  F(0, "mov ss, data of ring 3", "movl $0x43, %eax", "movl %eax, %ss")                                          \
  F(3, "mov ss, not present", LOAD_EAX(SEL_ABSENT_DATA + 3), "movl %eax, %ss")                                  \
  F(3, "mov ss, read-only", LOAD_EAX(SEL_READ_ONLY + 3), "movl %eax, %ss")                                      \
  F(3, "push with esp past the limit", LOAD_EAX(SEL_SMALL + 3) "; movl %eax, %ss; movl $0, %esp", "pushl %eax") \
  F(3, "read ss past the limit", LOAD_EAX(SEL_SMALL + 3) "; movl %eax, %ss", "movl %ss:0x1000, %eax")

#define TRANSFER_FAULTS(F)                                                                                 \
  F(3, "jmp to code of ring 0", "", "ljmp $0x08, $nothing")                                                \
  F(3, "jmp to code of ring 2", "", "ljmp $0x28, $nothing")                                                \
  F(0, "jmp to code of ring 3", "", "ljmp $0x3b, $nothing")                                                \
  F(3, "jmp to null selector", "", "ljmp $0, $nothing")                                                    \
  F(3, "jmp to data", "", "ljmp $0x43, $nothing")                                                          \
  F(3, "jmp to code not present", "", "ljmp $" STRING(SEL_ABSENT_CODE) "+3, $nothing")                     \
  F(3, "jmp past the code limit", "", "ljmp $" STRING(SEL_SMALL_CODE) "+3, $0x1000")                       \
  F(3, "jmp beyond the GDT", "", "ljmp $" STRING(SEL_BEYOND) ", $nothing")                                 \
  F(3, "call conforming code", "", "lcall $" STRING(SEL_CONFORMING) ", $conforming_code")                  \
  F(3, "call gate of ring 0", "", "lcall $" STRING(GATE_PRIVATE) ", $0")                                   \
  F(2, "call gate of ring 0", "", "lcall $" STRING(GATE_PRIVATE) ", $0")                                   \
  F(3, "call gate not present", "", "lcall $" STRING(GATE_ABSENT) ", $0")                                  \
  F(3, "call gate to a data segment", "", "lcall $" STRING(GATE_TO_DATA) ", $0")                           \
  F(3, "jmp through a gate to ring 0", "", "ljmp $" STRING(GATE_TO_0) ", $0")                              \
  F(3, "call gate, bad inner stack segment", "movl $0x22, tss_ss1", "lcall $" STRING(GATE_TO_1) ", $0")    \
  F(3, "call gate, inner stack not present", "movl $" STRING(SEL_ABSENT_STACK1) ", tss_ss1",               \
    "lcall $" STRING(GATE_TO_1) ", $0")                                                                    \
  F(3, "call gate, inner stack null", "movl $0, tss_ss1", "lcall $" STRING(GATE_TO_1) ", $0")              \
  F(3, "ret to code of ring 0", "pushl $0x08; pushl $nothing", "lret")                                     \
  F(0, "ret to code not present", "pushl $" STRING(SEL_ABSENT_CODE) "+3; pushl $nothing", "lret")          \
  F(0, "ret to ring 3, stack of ring 0", "pushl $0x10; pushl $0; pushl $0x3b; pushl $nothing", "lret")     \
  F(3, "iret to code of ring 0", "pushfl; pushl $0x08; pushl $nothing", "iret")                            \
  F(0, "iret to code not present", "pushfl; pushl $" STRING(SEL_ABSENT_CODE) "+3; pushl $nothing", "iret") \
  F(0, "iret to null selector", "pushfl; pushl $0; pushl $nothing", "iret")                                \
  F(0, "iret to ring 3, stack null", "pushl $0; pushl $0; pushfl; pushl $0x3b; pushl $nothing", "iret")

#define EVENT_FAULTS(F)                                                                   \
  F(3, "div by zero", "xorl %edx, %edx; xorl %ecx, %ecx", "divl %ecx")                    \
  F(0, "idiv overflow", "movl $0x80000000, %eax; cltd; movl $-1, %ecx", "idivl %ecx")     \
  F(0, "aam 0", "", ".byte 0xd4, 0")                                                      \
  F(3, "single step", "pushfl; orl $0x100, (%esp); popfl", "nop; nop")                    \
  F(0, "single step", "pushfl; orl $0x100, (%esp); popfl", "nop; nop")                    \
  F(3, "int1", "", ".byte 0xf1")                                                          \
  F(3, "int3", "", "int3")                                                                \
  F(3, "into with OF", "movb $0x7f, %al; incb %al", "into")                               \
  F(3, "into without OF", "xorl %eax, %eax", "into")                                      \
  F(3, "bound", "movl $11, %eax", "bound %eax, bounds")                                   \
  F(3, "bound within", "movl $10, %eax", "bound %eax, bounds")                            \
  F(3, "ud2", "", "ud2")                                                                  \
  F(3, "lock mov", "", ".byte 0xf0, 0x89, 0x05; .long buffer")                            \
  F(3, "16-byte instruction", "", ".fill 15, 1, 0x66; nop")                               \
  F(3, "int 0x30, gate of ring 0", "", "int $0x30")                                       \
  F(2, "int 0x31, gate of ring 2", "", "int $0x31")                                       \
  F(3, "int 0x31, gate of ring 2", "", "int $0x31")                                       \
  F(3, "int 0x32, gate of ring 3", "", "int $0x32")                                       \
  F(3, "int 0x33, gate not present", "", "int $0x33")                                     \
  F(3, "int 0x34, gate to a data segment", "", "int $0x34")                               \
  F(3, "int 0x90, beyond the IDT", "", "int $0x90")                                       \
  F(0, "mov cr0: paging without protection", "movl $0x80000000, %eax", "movl %eax, %cr0") \
  F(0, "mov cr4: reserved bit", "movl $0x80000000, %eax", "movl %eax, %cr4")              \
  F(0, "rdmsr of no register", "movl $0xdead, %ecx", "rdmsr")                             \
  F(0, "ltr of a data segment", "movl $0x10, %eax", "ltr %ax")                            \
  F(0, "ltr of a busy task", LOAD_EAX(SEL_TSS), "ltr %ax")                                \
  F(0, "lldt of a task state segment", LOAD_EAX(SEL_TSS), "lldt %ax")

#define PORT_FAULTS(F)                                              \
  F(3, "in al, 0x80 (I/O map allows)", "", "inb $0x80, %al")        \
  F(3, "in al, 0x81 (I/O map forbids)", "", "inb $0x81, %al")       \
  F(3, "in ax, 0x80 (second byte forbidden)", "", "inw $0x80, %ax") \
  F(3, "in al, 0x1000 (beyond the map)", "movl $0x1000, %edx", "inb %dx, %al")

#define PAGE_FAULTS(F)                                                                                      \
  F(0, "read not present", "", "movl PAGE_ABSENT, %eax")                                                    \
  F(0, "write not present", "", "movl %eax, PAGE_ABSENT+4")                                                 \
  F(3, "read not present", "", "movl PAGE_ABSENT+8, %eax")                                                  \
  F(3, "write not present", "", "movl %eax, PAGE_ABSENT+12")                                                \
  F(3, "read-modify-write not present", "", "incl PAGE_ABSENT+16")                                          \
  F(3, "read, directory entry not present", "", "movl 0x00c00123, %eax")                                    \
  F(0, "read supervisor page", "", "movl PAGE_SUPERVISOR, %eax")                                            \
  F(1, "read supervisor page", "", "movl PAGE_SUPERVISOR, %eax")                                            \
  F(2, "write supervisor page", "", "movl %eax, PAGE_SUPERVISOR")                                           \
  F(3, "read supervisor page", "", "movl PAGE_SUPERVISOR, %eax")                                            \
  F(3, "write supervisor page", "", "movl %eax, PAGE_SUPERVISOR+4")                                         \
  F(3, "read read-only page", "", "movl PAGE_READ_ONLY, %eax")                                              \
  F(3, "write read-only page", "", "movl %eax, PAGE_READ_ONLY")                                             \
  F(0, "write read-only page, CR0.WP clear", "movl %cr0, %eax; andl $~0x10000, %eax; movl %eax, %cr0",      \
    "movl %eax, PAGE_READ_ONLY")                                                                            \
  F(0, "write read-only page, CR0.WP set", "movl %cr0, %eax; orl $0x10000, %eax; movl %eax, %cr0",          \
    "movl %eax, PAGE_READ_ONLY")                                                                            \
  F(1, "write read-only page, CR0.WP set", "", "movl %eax, PAGE_READ_ONLY")                                 \
  F(3, "write across into not present", "", "movl %eax, PAGE_ABSENT-2")                                     \
  F(3, "jump to not present", "", "jmp *far_away")                                                          \
  F(3, "push onto not present", "movl $PAGE_ABSENT+0x800, %esp", "pushl %eax")                              \
  F(0, "read 4 MiB page with reserved bit", "", "movl 0x00800000, %eax")                                    \
  F(3, "misaligned read, alignment check on", "pushfl; orl $0x40000, (%esp); popfl", "movl buffer+1, %eax") \
  F(2, "misaligned read, alignment check on", "pushfl; orl $0x40000, (%esp); popfl", "movl buffer+1, %eax")

#define PAE_FAULTS(F)                                                      \
  F(0, "PAE: read not present", "", "movl PAGE_ABSENT, %eax")              \
  F(3, "PAE: write read-only page", "", "movl %eax, PAGE_READ_ONLY")       \
  F(0, "PAE: read page with reserved bit", "", "movl PAGE_RESERVED, %eax") \
  F(3, "PAE: write page with reserved bit", "", "movl %eax, PAGE_RESERVED+4")
