// hello: says hello on the serial line, tells what processor and memory it sees, and powers off.
// Everything printed is the same on every faithful machine.
#include "../lib/print.h"
#include "../lib/pv-ops.h"

void kernel_main(void) {
  u32 r[4];
  char vendor[13] = {0};
  cpuid(0, r);
  for (u32 i = 0; i < 4; i++) {
    vendor[i] = (char)(r[1] >> (8 * i));
    vendor[4 + i] = (char)(r[3] >> (8 * i));
    vendor[8 + i] = (char)(r[2] >> (8 * i));
  }
  u16 cs;
  __asm__("movw %%cs, %0" : "=r"(cs));
  print("Hello, world.\n");
  print("processor: %s\n", vendor);
  print("memory: %u MiB\n", pv_memory_size >> 20);
  print("protected mode: %s, paging: %s, ring: %u\n", read_cr0() & CR0_PE ? "on" : "off",
        read_cr0() & CR0_PG ? "on" : "off", cs & 3u);
  print("command line: %s\n", pv_command_line);
  print("Goodbye.\n");
  pv_power_off();
}
