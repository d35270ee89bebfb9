// What the attempts of the hostile guest share. An attempt returns what happened in words; unless it called
// escape() or leak(), it was stopped.
#pragma once
#include "../lib/print.h"
#include "../lib/pv-ops.h"
#include "../lib/string.h"

#define NO_FAULT 0xffffffffu
// The top 4 MiB are where hypervisors like to be; nothing of this kernel's own is mapped there.
#define TOP_START 0xffc00000u
#define TOP_PAGES 1024u
#define USER_CODE 0x40000000u
#define USER_STACK 0x40002000u
#define WINDOW 0x50000000u // a page table of its own for mapping things

struct attempt {
  const char *name;
  const char *(*run)(void);
};
extern const struct attempt native_attempts[], paravirtual_attempts[];

const char *escape(const char *how);
const char *leak(const char *how);
const char *fault_name(u32 vector);

// guard.S: the vector of the fault that ended the body, or NO_FAULT.
u32 guard(u32 (*body)(u32), u32 argument);
u32 guard_user(u32 eip, u32 esp, u32 eax, u32 edx, u32 eflags);
extern u32 guard_result;             // what the body returned, or ring 3's EAX at its INT 0x80
extern struct trap_frame last_fault; // the last trap as this kernel saw it
extern u32 last_cr2;

u32 read_at(u32 address);  // guarded: the vector, guard_result the value
u32 write_at(u32 address); // guarded
u32 run_user_code(const void *code, u32 length, u32 eax, u32 edx);
extern pte_t *window; // page table of WINDOW
u32 take_page(void);
void map_window(u32 index, pte_t entry);

const char *try_top_read(void);
const char *try_top_write(void);
const char *try_top_execute(void);
const char *try_user_top(void);
const char *try_user_kernel(void);
const char *try_user_privileged(void);
const char *try_own_code(void);
NORETURN void run_mode(const char *mode);
