// The paravirt-ops layer: the few things a kernel here does that a Xen guest does by hypercall.
// Kernels built both ways (tinyos, nanobench, hostile) touch the machine through this header only.
//   native build          pv-native.h (inline) and pv-native.c, entry in start.S
//   PARAVIRTUAL defined   pv-xen.h and pv-xen.c (Xen's public headers, 32-bit, 2-level), entry in xen-start.S
// "phys" is the guest's own idea of a physical address (under Xen: pseudo-physical, starting at 0); what stands in a
// page-table entry is made by pv_entry() and read back by pv_entry_phys().
#pragma once
#include "types.h"

#ifdef __ASSEMBLER__
#error "assembly includes pv-asm.h"
#endif

typedef u32 pte_t;

#define PTE_PRESENT 0x001u
#define PTE_WRITE 0x002u
#define PTE_USER 0x004u
#define PTE_ACCESSED 0x020u
#define PTE_DIRTY 0x040u
#define PTE_GLOBAL 0x100u
#define PTE_SOFT_COW 0x200u // available to software: this kernel's copy-on-write mark
#define PTE_FLAGS 0xfffu

#define FLAG_TF 0x100u
#define FLAG_IF 0x200u

// What trap entry code (traps.S) leaves on the stack; same under both builds. esp and ss are there only when the
// trap came from ring 3. Under Xen the upper half of cs may be used by the hypervisor: mask it.
struct trap_frame {
  u32 es, ds;
  u32 edi, esi, ebp, unused_esp, ebx, edx, ecx, eax;
  u32 vector, error;
  u32 eip, cs, eflags;
  u32 esp, ss;
};

// One line of a trap table; laid out as Xen's trap_info. The table ends with address 0.
struct pv_trap {
  u8 vector;
  u8 flags; // bits 0-1: least privileged ring that may INT n here; bit 2: entered with interrupts off
  u16 cs;
  u32 address;
};
#define PV_TRAP_MASKED 4

// Events, as pv_acknowledge() returns them. They arrive as vectors PV_VECTOR_FIRST .. PV_VECTOR_FIRST + 15
// (natively the PIC's lines; under Xen all of them as the first).
#define PV_VECTOR_FIRST 32
#define PV_EVENT_TIMER 1u
#define PV_EVENT_CONSOLE 2u

// Filled in before kernel_main() is called.
extern const char *pv_command_line;
extern u32 pv_memory_size; // bytes of RAM
extern u32 pv_module_start, pv_module_size; // the first module the loader brought (phys, page-aligned); size 0: none

// The kernel itself (called on a boot stack, interrupts off, console usable). It does not return.
void kernel_main(void);
// Called by traps.S for every trap and event.
void trap_handler(struct trap_frame *frame);
// Leaves through a frame, into whatever ring it says (traps.S).
NORETURN void trap_return(struct trap_frame *frame);
// Trap table with all of traps.S's entries (exceptions, 16 events, INT 0x80 open to ring 3).
extern const struct pv_trap trap_table[];

#ifdef PARAVIRTUAL
#include "pv-xen.h"
#else
#include "pv-native.h"
#endif

// ---- Start -------------------------------------------------------------------------------------------------------
// Segments, paging on with the kernel and RAM up to `limit` bytes mapped supervisor-only at pv_virt(phys), traps
// nowhere. Afterwards [pv_free_start, pv_free_end) is unused memory (phys, page-aligned) inside that mapping.
void pv_init(u32 limit);
extern u32 pv_free_start, pv_free_end;
// Selectors: PV_KERNEL_CS, PV_KERNEL_DS, PV_USER_CS, PV_USER_DS are constants of the included header,
// as is PV_KERNEL_BASE (0 natively, 0xC0000000 under Xen): pv_virt(phys) == phys + PV_KERNEL_BASE.
static inline void *pv_virt(u32 phys) { return (void *)(phys + PV_KERNEL_BASE); }
static inline u32 pv_phys(const void *address) { return (u32)address - PV_KERNEL_BASE; }

// ---- Interrupts and traps ----------------------------------------------------------------------------------------
static inline void pv_cli(void);
static inline void pv_sti(void);
static inline u32 pv_save_flags(void);          // FLAG_IF set when interrupts are on
static inline void pv_restore_flags(u32 flags); // only FLAG_IF counts
static inline void pv_halt(void);               // interrupts on and wait for one (no lost wake-up)
void pv_set_traps(const struct pv_trap *table);
void pv_set_kernel_stack(u32 esp); // stack taken when ring 3 traps
u32 pv_acknowledge(u32 vector);    // inside the handler: which events; the line is ready for the next
u32 pv_read_cr2(void);             // address of the page fault being handled

// ---- Paging ------------------------------------------------------------------------------------------------------
// A directory or table page starts as plain zeroed memory. A directory gets the kernel's entries by plain copy from
// pv_boot_directory() (entries PV_KERNEL_FIRST .. PV_KERNEL_LAST), then pv_pin_directory(); a table is handed over
// by pv_pin_table() while empty, and only then entered into a directory. Entries of handed-over pages change by
// pv_set_pte() only. pv_unpin_*() makes the page plain memory again.
static inline pte_t pv_entry(u32 phys, u32 flags);
static inline u32 pv_entry_phys(pte_t entry);
static inline void pv_set_pte(pte_t *slot, pte_t value); // a page-table or directory entry; no TLB flush
static inline void pv_load_directory(pte_t *directory);
static inline void pv_invlpg(u32 address);
static inline void pv_flush_tlb(void);
pte_t *pv_boot_directory(void);
void pv_pin_directory(pte_t *directory);
void pv_unpin_directory(pte_t *directory);
void pv_pin_table(pte_t *table);
void pv_unpin_table(pte_t *table);

// ---- Devices and time --------------------------------------------------------------------------------------------
void pv_putc(char c);
int pv_getc(void); // -1: nothing typed
void pv_console_events(bool on);
void pv_start_timer(u32 hz);
static inline u64 pv_read_tsc(void);
NORETURN void pv_power_off(void);
NORETURN void pv_exit(u32 status); // failure: natively the debug-exit port
