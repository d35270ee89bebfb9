// Native start: what Multiboot hands over ("3.3 Boot information format"), the serial console, power.
#include "pv-ops.h"

#define COM1 0x3f8

struct multiboot_module {
  u32 start, end, text, reserved;
};
struct multiboot_info {
  u32 flags, mem_lower, mem_upper, boot_device, command_line, modules_count, modules_address;
};

static char command_line[256]; // a copy: what the loader left may lie in memory that is handed out later
const char *pv_command_line = command_line;
u32 pv_memory_size;
u32 pv_module_start, pv_module_size;

void native_start(u32 magic, const struct multiboot_info *info);

static void serial_init(void) {
  outb(COM1 + 1, 0x00); // no interrupts
  outb(COM1 + 3, 0x80); // divisor latch: 115200 baud
  outb(COM1 + 0, 0x01);
  outb(COM1 + 1, 0x00);
  outb(COM1 + 3, 0x03); // 8 data bits, no parity, 1 stop bit
  outb(COM1 + 2, 0x07); // FIFOs on and empty
  outb(COM1 + 4, 0x0b); // DTR, RTS, OUT2 (the interrupt line's gate)
}

void native_start(u32 magic, const struct multiboot_info *info) {
  serial_init();
  if (magic == 0x2badb002) {
    if (info->flags & 1) pv_memory_size = (info->mem_upper + 1024) * 1024;
    const char *given = info->flags & 4 ? (const char *)info->command_line : "";
    for (u32 i = 0; i < sizeof command_line - 1 && given[i] != 0; i++) command_line[i] = given[i];
    if (info->flags & 8 && info->modules_count > 0) {
      const struct multiboot_module *module = (const struct multiboot_module *)info->modules_address;
      pv_module_start = module->start;
      pv_module_size = module->end - module->start;
    }
  }
  kernel_main();
}

void pv_putc(char c) {
  if (c == '\n') pv_putc('\r');
  while (!(inb(COM1 + 5) & 0x20)) {}
  outb(COM1, (u8)c);
}

int pv_getc(void) { return inb(COM1 + 5) & 1 ? inb(COM1) : -1; }

void pv_console_events(bool on) { outb(COM1 + 1, on ? 1 : 0); }

void pv_power_off(void) {
  outw(0x604, 0x2000); // ACPI PM1a_CNT: SLP_EN
  for (;;) __asm__ volatile("cli\n\thlt");
}

void pv_exit(u32 status) {
  outb(0xf4, (u8)status);
  for (;;) __asm__ volatile("cli\n\thlt");
}
