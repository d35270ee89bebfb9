// Physical pages (reference counted, for copy on write) and user address spaces of tinyos.
#include "os.h"

#define MAX_PAGES 4096
#define FIRST_USER_TABLE (LINUX_BASE >> 22)
#define LAST_USER_TABLE ((USER_END - 1) >> 22)

extern u8 user_image_start[], user_image_end[];
static u32 first_page, page_count, free_count;
static u8 references[MAX_PAGES];
static u16 free_list[MAX_PAGES];

const struct user_header *user_image(void) { return (const struct user_header *)user_image_start; }
u32 pages_free(void) { return free_count; }

void memory_init(void) {
  first_page = pv_free_start;
  page_count = (pv_free_end - pv_free_start) / PAGE_SIZE;
  if (page_count > MAX_PAGES) page_count = MAX_PAGES;
  for (u32 i = 0; i < page_count; i++) free_list[i] = (u16)(page_count - 1 - i);
  free_count = page_count;
}

// Index of an allocated page, or MAX_PAGES for memory that is not handed out here (the embedded user image).
static u32 index_of(u32 phys) {
  u32 index = (phys - first_page) / PAGE_SIZE;
  return phys >= first_page && index < page_count ? index : MAX_PAGES;
}

void *page_take(void) {
  if (free_count == 0) return NULL;
  u32 index = free_list[--free_count];
  references[index] = 1;
  return memset(pv_virt(first_page + index * PAGE_SIZE), 0, PAGE_SIZE);
}

void page_release(void *page) {
  u32 index = index_of(pv_phys(page));
  if (index != MAX_PAGES && --references[index] == 0) free_list[free_count++] = (u16)index;
}

pte_t *space_create(void) {
  pte_t *directory = page_take();
  if (directory == NULL) return NULL;
  pte_t *boot = pv_boot_directory();
  for (u32 i = PV_KERNEL_FIRST; i <= PV_KERNEL_LAST; i++) directory[i] = boot[i];
  pv_pin_directory(directory);
  return directory;
}

// The entry for a user address; with `create`, makes the table it is in.
static pte_t *entry_of(pte_t *directory, u32 address, bool create) {
  pte_t *slot = &directory[address >> 22];
  if (!(*slot & PTE_PRESENT)) {
    pte_t *table = create ? page_take() : NULL;
    if (table == NULL) return NULL;
    pv_pin_table(table);
    pv_set_pte(slot, pv_entry(pv_phys(table), PTE_PRESENT | PTE_WRITE | PTE_USER | PTE_ACCESSED));
  }
  return (pte_t *)pv_virt(pv_entry_phys(*slot)) + (address >> 12 & 1023);
}

bool space_map_page(pte_t *directory, u32 address, const u8 *page, bool writable) {
  pte_t *entry = entry_of(directory, address, true);
  if (entry == NULL) return false;
  u32 copy = writable ? PTE_SOFT_COW : 0;
  pv_set_pte(entry, pv_entry(pv_phys(page), PTE_PRESENT | PTE_USER | PTE_ACCESSED | copy));
  return true;
}

void *space_page(pte_t *directory, u32 address) {
  pte_t *entry = entry_of(directory, address, true);
  void *page = entry == NULL ? NULL : page_take();
  if (page == NULL) return NULL;
  u32 rights = PTE_PRESENT | PTE_USER | PTE_WRITE | PTE_ACCESSED | PTE_DIRTY;
  pv_set_pte(entry, pv_entry(pv_phys(page), rights));
  return page;
}

bool space_map_program(pte_t *directory) {
  const struct user_header *header = user_image();
  for (u32 offset = 0; offset < header->image_size; offset += PAGE_SIZE) {
    bool writable = offset >= header->text_size;
    if (!space_map_page(directory, USER_BASE + offset, user_image_start + offset, writable)) return false;
  }
  return true;
}

bool space_copy(pte_t *to, pte_t *from) {
  for (u32 t = FIRST_USER_TABLE; t <= LAST_USER_TABLE; t++) {
    if (!(from[t] & PTE_PRESENT)) continue;
    for (u32 i = 0; i < 1024; i++) {
      u32 address = t << 22 | i << 12;
      pte_t *source = entry_of(from, address, false);
      if (!(*source & PTE_PRESENT)) continue;
      pte_t *copy = entry_of(to, address, true);
      if (copy == NULL) return false;
      u32 phys = pv_entry_phys(*source), flags = *source & PTE_FLAGS;
      if (flags & PTE_WRITE) {
        flags = (flags & ~PTE_WRITE) | PTE_SOFT_COW;
        pv_set_pte(source, pv_entry(phys, flags));
      }
      pv_set_pte(copy, pv_entry(phys, flags));
      u32 index = index_of(phys);
      if (index != MAX_PAGES) references[index]++;
    }
  }
  pv_flush_tlb();
  return true;
}

void space_shrink(pte_t *directory, u32 from, u32 to) {
  for (u32 address = (from + PAGE_SIZE - 1) & ~(PAGE_SIZE - 1); address < to; address += PAGE_SIZE) {
    pte_t *entry = entry_of(directory, address, false);
    if (entry == NULL || !(*entry & PTE_PRESENT)) continue;
    u32 phys = pv_entry_phys(*entry);
    pv_set_pte(entry, 0);
    pv_invlpg(address);
    page_release(pv_virt(phys));
  }
}

// Not called for the directory in use.
void space_destroy(pte_t *directory) {
  pv_unpin_directory(directory);
  for (u32 t = FIRST_USER_TABLE; t <= LAST_USER_TABLE; t++) {
    if (!(directory[t] & PTE_PRESENT)) continue;
    pte_t *table = pv_virt(pv_entry_phys(directory[t]));
    directory[t] = 0;
    pv_unpin_table(table);
    for (u32 i = 0; i < 1024; i++) {
      if (table[i] & PTE_PRESENT) page_release(pv_virt(pv_entry_phys(table[i])));
    }
    page_release(table);
  }
  page_release(directory);
}

static bool demand_zero(const struct process *process, u32 address) {
  if (process->is_linux) {
    for (u32 i = 0; i < MAX_AREAS; i++) {
      if (address >= process->areas[i].start && address < process->areas[i].end) return true;
    }
    return false;
  }
  u32 start = USER_BASE + user_image()->image_size;
  return (address >= start && address < process->heap_end) || (address >= USER_STACK_BOTTOM && address < USER_END);
}

bool space_resolve(struct process *process, u32 address, bool write) {
  if (address < LINUX_BASE || address >= USER_END) return false;
  pte_t *entry = entry_of(process->directory, address, false);
  u32 rights = PTE_PRESENT | PTE_USER | PTE_ACCESSED | PTE_DIRTY;
  if (entry == NULL || !(*entry & PTE_PRESENT)) {
    if (!demand_zero(process, address)) return false;
    void *page = page_take();
    entry = page == NULL ? NULL : entry_of(process->directory, address, true);
    if (entry == NULL) {
      if (page != NULL) page_release(page);
      return false;
    }
    pv_set_pte(entry, pv_entry(pv_phys(page), rights | PTE_WRITE));
    pv_invlpg(address & ~(PAGE_SIZE - 1));
    return true;
  }
  if (!write || (*entry & PTE_WRITE)) return true;
  if (!(*entry & PTE_SOFT_COW)) return false;
  u32 phys = pv_entry_phys(*entry), index = index_of(phys);
  if (index != MAX_PAGES && references[index] == 1) {
    pv_set_pte(entry, pv_entry(phys, rights | PTE_WRITE)); // the last one to share it
  } else {
    void *page = page_take();
    if (page == NULL) return false;
    memcpy(page, pv_virt(phys), PAGE_SIZE);
    pv_set_pte(entry, pv_entry(pv_phys(page), rights | PTE_WRITE));
    page_release(pv_virt(phys));
  }
  pv_invlpg(address & ~(PAGE_SIZE - 1));
  return true;
}

bool space_check(u32 address, u32 length, bool write) {
  if (length == 0) return true;
  if (address < LINUX_BASE || address >= USER_END || length > USER_END - address) return false;
  for (u32 page = address & ~(PAGE_SIZE - 1); page < address + length; page += PAGE_SIZE) {
    if (!space_resolve(current, page, write)) return false;
  }
  return true;
}
