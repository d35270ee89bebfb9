// smp: starts all processors that the MP configuration table names, lets them count under one lock, answer each other's
// interrupts and take ticks of their own timers, and powers off. The output tells nothing but how many there are.
// Truth: Intel MultiProcessor Specification 1.4; SDM Vol. 3A "MP Initialization", "Local APIC".
#include "smp.h"
#include "../lib/print.h"
#include "../lib/pv-ops.h"
#include "../lib/string.h"
#include "../lib/x86.h"

#define APIC_EOI 0x0b0
#define APIC_SPURIOUS 0x0f0
#define APIC_COMMAND 0x300
#define APIC_DESTINATION 0x310
#define APIC_TIMER 0x320
#define APIC_TIMER_COUNT 0x380
#define APIC_TIMER_DIVIDE 0x3e0
#define COMMAND_INIT 0x4500
#define COMMAND_STARTUP 0x4600
#define COMMAND_FIXED 0x4000
#define ALL_BUT_SELF 0xc0000
#define TIMER_PERIODIC 0x20000

#define VECTOR_WAKE 0x40
#define VECTOR_PING 0x41
#define VECTOR_TICK 0x42
#define PM_TIMER 0x608 // 3.579545 MHz, 24 bits

#define ROUNDS 2000
#define PINGS 500
#define TICKS 20

enum work { NOTHING, COUNT_UP, TAKE_TICKS };

extern const char trampoline[], trampoline_end[];
void wake_entry(void);
void ping_entry(void);
void tick_entry(void);
void on_wake(void);
void on_ping(void);
void on_tick(void);
void processor_main(u32 id);

u64 segments[3];
static u64 gates[256];
static u32 processors = 1;

static volatile u32 online, finished, job, lock, counter, pings;
static volatile u32 ticks[MOST_PROCESSORS];

static u32 apic_read(u32 at) { return *(volatile u32 *)(LAPIC + at); }
static void apic_write(u32 at, u32 value) { *(volatile u32 *)(LAPIC + at) = value; }
static u32 own_id(void) { return apic_read(LAPIC_ID) >> 24; }
static void send(u32 to, u32 command) {
  apic_write(APIC_DESTINATION, to << 24);
  apic_write(APIC_COMMAND, command);
}
static void increment(volatile u32 *value) { __asm__ volatile("lock incl %0" : "+m"(*value)); }

static void wait_microseconds(u32 microseconds) {
  u32 start = inl(PM_TIMER);
  while (((inl(PM_TIMER) - start) & 0xffffff) < microseconds * 358 / 100) __asm__ volatile("pause");
}

static void acquire(void) {
  u32 taken = 1;
  for (;;) {
    __asm__ volatile("xchgl %0, %1" : "+r"(taken), "+m"(lock)::"memory");
    if (!taken) return;
    while (lock) __asm__ volatile("pause");
  }
}
static void release(void) { __asm__ volatile("movl $0, %0" : "=m"(lock)::"memory"); }

void on_wake(void) { apic_write(APIC_EOI, 0); }
void on_tick(void) {
  ticks[own_id()]++;
  apic_write(APIC_EOI, 0);
}
// The ball goes back and forth between the first processor and the last.
void on_ping(void) {
  apic_write(APIC_EOI, 0);
  pings++;
  if (pings < PINGS) send(own_id() ? 0 : processors - 1, COMMAND_FIXED | VECTOR_PING);
}

static void work(u32 what) {
  if (what == COUNT_UP) {
    for (u32 n = 0; n < ROUNDS; n++) {
      acquire();
      counter = counter + 1;
      release();
    }
  } else {
    u32 id = own_id();
    apic_write(APIC_TIMER_DIVIDE, 0xb);
    apic_write(APIC_TIMER, TIMER_PERIODIC | VECTOR_TICK);
    apic_write(APIC_TIMER_COUNT, 5000 + 500 * id);
    while (ticks[id] < TICKS) __asm__ volatile("sti\n\thlt\n\tcli");
    apic_write(APIC_TIMER_COUNT, 0);
  }
}

static void prepare(void) {
  struct table_register table = {sizeof gates - 1, (u32)gates};
  lidt(&table);
  apic_write(APIC_SPURIOUS, 0x1ff);
}

void processor_main(u32 id) {
  (void)id;
  prepare();
  increment(&online);
  for (u32 done = NOTHING;; done = job) {
    while (job == done) __asm__ volatile("sti\n\thlt\n\tcli");
    work(job);
    increment(&finished);
  }
}

// All processors do the same and this one waits for the others.
static void everybody(u32 what) {
  finished = 0;
  job = what;
  if (processors > 1) apic_write(APIC_COMMAND, ALL_BUT_SELF | COMMAND_FIXED | VECTOR_WAKE);
  work(what);
  while (finished < processors - 1) __asm__ volatile("pause");
}

static u32 count_processors(void) {
  for (const u8 *at = (const u8 *)0xf0000; at < (const u8 *)0x100000; at += 16) {
    if (memcmp(at, "_MP_", 4) != 0) continue;
    const u8 *table = *(const u8 *const *)(at + 4);
    u32 entries = *(const u16 *)(table + 34), count = 0;
    table += 44;
    for (; entries > 0; entries--) {
      bool is_processor = *table == 0;
      if (is_processor) count++;
      table += is_processor ? 20 : 8;
    }
    return count;
  }
  return 1;
}

static void start_others(void) {
  memcpy((void *)TRAMPOLINE, trampoline, (u32)(trampoline_end - trampoline));
  apic_write(APIC_COMMAND, ALL_BUT_SELF | COMMAND_INIT);
  wait_microseconds(10000);
  for (u32 n = 0; n < 2; n++) {
    apic_write(APIC_COMMAND, ALL_BUT_SELF | COMMAND_STARTUP | TRAMPOLINE >> 12);
    wait_microseconds(200);
  }
  while (online < processors - 1) __asm__ volatile("pause");
}

static void gate(u32 vector, void (*entry)(void)) {
  gates[vector] = gate_descriptor(CODE_SELECTOR, (u32)entry, 0x8e, 0);
}

void kernel_main(void) {
  segments[1] = segment_descriptor(0, 0xfffff, SEGMENT_CODE, FLAT_FLAGS);
  segments[2] = segment_descriptor(0, 0xfffff, SEGMENT_DATA, FLAT_FLAGS);
  struct table_register table = {sizeof segments - 1, (u32)segments};
  lgdt(&table);
  __asm__ volatile("ljmp %0, $1f\n1:" ::"i"(CODE_SELECTOR));
  __asm__ volatile("movw %w0, %%ds\n\tmovw %w0, %%es\n\tmovw %w0, %%ss" ::"r"(DATA_SELECTOR));
  gate(VECTOR_WAKE, wake_entry);
  gate(VECTOR_PING, ping_entry);
  gate(VECTOR_TICK, tick_entry);
  prepare();
  processors = count_processors();
  print("processors: %u\n", processors);
  if (processors > 1) start_others();
  print("started: all\n");
  everybody(COUNT_UP);
  print("counting under a lock: %s\n", counter == ROUNDS * processors ? "exact" : "WRONG");
  send(processors - 1, COMMAND_FIXED | VECTOR_PING);
  while (pings < PINGS) __asm__ volatile("sti\n\thlt\n\tcli");
  print("interrupts between processors: %s\n", pings == PINGS ? "all arrived" : "WRONG");
  everybody(TAKE_TICKS);
  bool all = true;
  for (u32 n = 0; n < processors; n++) all = all && ticks[n] >= TICKS;
  print("timers: %s\n", all ? "each its own" : "WRONG");
  pv_power_off();
}
