// Paravirtual entry and exits. Truth: Xen's public headers "elfnote.h" (what the notes say), "xen.h" (state at start:
// ESI = start_info, flat segments), "arch-x86/xen-x86_32.h" (INT 0x82, hypercall page), and the frames an event or a
// bounced exception leaves.
#include "pv-asm.h"

  .macro note type
  .section .note.Xen, "a", @note
  .p2align 2
  .long 4, 2f - 1f, \type
  .asciz "Xen"
1:
  .endm
  .macro number_note type, value
  note \type
  .long \value
2:
  .endm
  .macro string_note type, value:vararg
  note \type
  .asciz \value
2: .p2align 2
  .endm
  string_note 6, "anillo guest"     // GUEST_OS
  string_note 5, "xen-3.0"          // XEN_VERSION
  number_note 3, 0xc0000000         // VIRT_BASE
  number_note 1, xen_entry          // ENTRY
  number_note 2, hypercall_page     // HYPERCALL_PAGE
  string_note 9, "no"               // PAE_MODE
  string_note 8, "generic"          // LOADER

  .section .text.hypercalls, "ax"
  .p2align 12
  .globl hypercall_page
hypercall_page:
  .skip 4096

  // vcpu_info 0 is the start of shared_info: byte 0 an event is pending, byte 1 events are masked.
  .set events_pending, xen_shared_info
  .set events_masked, xen_shared_info + 1

  .text
  .globl xen_entry
xen_entry:
  cld
  movl $boot_stack_end, %esp
  xorl %ebp, %ebp
  pushl %esi
  call xen_start

  // Leaves through eip, cs, eflags [, esp, ss] at the top of the stack. Events are unmasked by a plain store; an event
  // that came meanwhile needs the hypervisor. An event between the store and the iret finds nothing but that frame on
  // the stack: xen_event drops its own and goes on as if it had come a moment later.
  .globl pv_iret
pv_iret:
  testl $0x200, 8(%esp)
  jz 1f
  movb $0, %ss:events_masked
iret_unmasked:
  testb $1, %ss:events_pending
  jnz 2f
1: iret
iret_end:
2: movb $1, %ss:events_masked
  jmp hypercall_page + 23 * 32

  // Events arrive here masked, with eip, cs, eflags [, esp, ss]; on to the kernel's own entry.
  .globl xen_event
xen_event:
  testb $2, 4(%esp) // ring 3 cannot be in there, whatever its eip
  jnz 1f
  cmpl $iret_unmasked, (%esp)
  jb 1f
  cmpl $iret_end, (%esp)
  jae 1f
  addl $12, %esp
1: jmp *%ss:xen_event_handler

  // A handler that wants events masked behind a gate the CPU takes alone (INT 0x80): the gate cannot mask them.
  .globl xen_masked_gate
xen_masked_gate:
  movb $1, %ss:events_masked
  jmp *%ss:xen_gate_handler

  // The hypervisor could not return to the frame we gave it.
  .globl xen_failsafe
xen_failsafe:
  addl $16, %esp // ds es fs gs
  call xen_failed

  .bss
  .p2align 12
  .globl boot_stack, boot_stack_end
boot_stack:
  .skip 16384
boot_stack_end:
  .section .bss.page, "aw", @nobits
  .p2align 12
  .globl xen_shared_info
xen_shared_info:
  .skip 4096
  .section .note.GNU-stack, "", @progbits
