// Ways of the hostile guest to stop being a guest: each keeps the processor or destroys the guest, and only the guest.
//   spin       interrupts off, endless loop                  cli-hlt    interrupts off, halted for good
//   traps      an endless stream of exceptions               triple     exception with an empty IDT
//   triple-stack  exception with no usable stack             triple-gdt exception with the GDT out of reach
//   reset      keyboard controller and 0xcf9 reset
#include "hostile.h"

static u32 trap_body(u32 argument) {
  __asm__ volatile("ud2");
  return argument;
}

#ifndef PARAVIRTUAL
static void triple(const char *mode) {
  struct table_register nothing = {0, 0}, top = {0xffff, TOP_START};
  if (strcmp(mode, "triple") == 0) {
    lidt(&nothing);
    __asm__ volatile("int3");
  }
  if (strcmp(mode, "triple-stack") == 0) __asm__ volatile("movl %0, %%esp\n\tpushl %%eax" ::"r"(TOP_START + 0x1000));
  if (strcmp(mode, "triple-gdt") == 0) {
    lgdt(&top);
    __asm__ volatile("int3");
  }
  if (strcmp(mode, "reset") == 0) {
    outb(0x64, 0xfe);
    outb(0xcf9, 0x06);
  }
}
#else
static void triple(const char *mode) {
  // No handler for what happens next: the hypervisor has to end this domain.
  static const struct pv_trap far_away[] = {
      {6, 0, PV_KERNEL_CS, 0x10000000}, {14, 0, PV_KERNEL_CS, 0x10000000}, {0, 0, 0, 0}};
  if (strcmp(mode, "triple") == 0) {
    pv_set_traps(far_away);
    __asm__ volatile("ud2");
  }
  if (strcmp(mode, "triple-stack") == 0) __asm__ volatile("movl %0, %%esp\n\tpushl %%eax" ::"r"(TOP_START + 0x1000));
}
#endif

void run_mode(const char *mode) {
  print("mode %s\n", mode);
  if (strcmp(mode, "spin") == 0) {
    pv_cli();
    for (;;) __asm__ volatile("");
  }
  if (strcmp(mode, "traps") == 0) {
    for (;;) guard(trap_body, 0);
  }
  if (strcmp(mode, "cli-hlt") == 0) {
    pv_cli();
    for (;;) __asm__ volatile("hlt");
  }
  triple(mode);
  print("mode %s: still here\n", mode);
  pv_exit(3);
}
