// Static i386 programs for Linux under tinyos: the multiboot module is the only one. Its ELF segments are mapped from the
// module (System V ABI "Program Loading"), its stack is what Linux's execve(2) leaves ("Process Initialization").
#include "linux.h"
#include "os.h"

#define STACK_BOTTOM 0x4ff00000
#define MAX_LINUX_ARGUMENTS 16
#define ARGUMENT_BYTES 1024
#define AUXILIARY_PAIRS 6

struct elf_header {
  u8 ident[16];
  u16 type, machine;
  u32 version, entry, headers, sections, flags;
  u16 size, header_size, header_count, section_size, section_count, names;
};
struct elf_segment {
  u32 type, offset, address, physical, file_size, memory_size, flags, align;
};
enum { ET_EXEC = 2, EM_386 = 3, PT_LOAD = 1, PF_W = 2 };
enum { AT_PHDR = 3, AT_PHENT = 4, AT_PHNUM = 5, AT_PAGESZ = 6, AT_ENTRY = 9 };

static char program_path[64];

static const u8 *module(void) { return pv_virt(pv_module_start); }

bool linux_program_is(const char *path) { return strcmp(path, program_path) == 0; }

static bool area_add(struct process *process, u32 start, u32 end) {
  for (u32 i = 0; i < MAX_AREAS; i++) {
    if (process->areas[i].end != 0) continue;
    process->areas[i] = (struct area){start, end};
    return true;
  }
  return false;
}

// The page of a segment in which the file ends and zeros begin is a page of its own.
static bool map_segment(struct process *process, const struct elf_segment *segment) {
  u32 address = segment->address, file_end = address + segment->file_size, end = address + segment->memory_size;
  u32 first = address & ~(PAGE_SIZE - 1), shared_end = segment->flags & PF_W ? file_end & ~(PAGE_SIZE - 1) : file_end;
  if ((address ^ segment->offset) % PAGE_SIZE != 0 || address < LINUX_BASE || end < address || end > STACK_BOTTOM)
    return false;
  if (segment->offset > pv_module_size || segment->file_size > pv_module_size - segment->offset) return false;
  const u8 *from = module() + segment->offset - address % PAGE_SIZE;
  u32 page = first;
  for (; page < shared_end; page += PAGE_SIZE) {
    if (!space_map_page(process->directory, page, from + (page - first), (segment->flags & PF_W) != 0)) return false;
  }
  if (page < file_end) {
    u8 *last = space_page(process->directory, page);
    if (last == NULL) return false;
    u32 skipped = page < address ? address - page : 0;
    memcpy(last + skipped, from + (page - first) + skipped, file_end - page - skipped);
    page += PAGE_SIZE;
  }
  if (end > process->heap_start) process->heap_start = (end + PAGE_SIZE - 1) & ~(PAGE_SIZE - 1);
  return end <= page || area_add(process, page, (end + PAGE_SIZE - 1) & ~(PAGE_SIZE - 1));
}

static bool map_program(struct process *process) {
  const struct elf_header *header = (const struct elf_header *)module();
  static const u8 magic[] = {0x7f, 'E', 'L', 'F', 1, 1};
  if (pv_module_size < sizeof *header || memcmp(header->ident, magic, sizeof magic) != 0) return false;
  if (header->type != ET_EXEC || header->machine != EM_386 || header->header_size != sizeof(struct elf_segment)) return false;
  if (header->headers > pv_module_size || header->header_count * sizeof(struct elf_segment) > pv_module_size - header->headers)
    return false;
  const struct elf_segment *segments = (const struct elf_segment *)(module() + header->headers);
  for (u32 i = 0; i < header->header_count; i++) {
    if (segments[i].type == PT_LOAD && !map_segment(process, &segments[i])) return false;
  }
  return true;
}

// Where the program sees its own headers; 0 when no segment has them.
static u32 headers_address(void) {
  const struct elf_header *header = (const struct elf_header *)module();
  const struct elf_segment *segments = (const struct elf_segment *)(module() + header->headers);
  for (u32 i = 0; i < header->header_count; i++) {
    const struct elf_segment *segment = &segments[i];
    if (segment->type == PT_LOAD && header->headers >= segment->offset && header->headers < segment->offset + segment->file_size)
      return segment->address + header->headers - segment->offset;
  }
  return 0;
}

// argc, argv, an empty environment, the auxiliary vector; the strings above. Returns the stack pointer, 0 for no memory.
static u32 write_stack(struct process *process, const char *const *arguments, u32 count) {
  const struct elf_header *header = (const struct elf_header *)module();
  u32 at = USER_END, words[MAX_LINUX_ARGUMENTS + 4 + 2 * AUXILIARY_PAIRS], n = 0;
  words[n++] = count;
  for (u32 i = 0; i < count; i++) {
    u32 length = strlen(arguments[i]) + 1;
    at -= length;
    if (!space_resolve(process, at, true)) return 0;
    memcpy((void *)at, arguments[i], length);
    words[n++] = at;
  }
  words[n++] = 0;
  words[n++] = 0;
  const u32 auxiliary[] = {AT_PAGESZ, PAGE_SIZE,     AT_PHDR, headers_address(), AT_PHENT, sizeof(struct elf_segment), AT_PHNUM,
                           header->header_count, AT_ENTRY, header->entry, 0, 0};
  memcpy(&words[n], auxiliary, sizeof auxiliary);
  n += COUNT(auxiliary);
  at = (at & ~15u) - ((4 * n + 15) & ~15u);
  memcpy((void *)at, words, 4 * n);
  return at;
}

bool linux_load(struct process *process, struct trap_frame *frame, const char *const *arguments, u32 count) {
  pte_t *old = process->directory, *fresh = space_create();
  if (fresh == NULL) return false;
  process->directory = fresh;
  process->is_linux = true;
  process->heap_start = 0;
  memset(process->areas, 0, sizeof process->areas);
  pv_load_directory(fresh);
  space_destroy(old);
  if (!map_program(process) || !area_add(process, STACK_BOTTOM, USER_END)) return false;
  process->heap_end = process->heap_start;
  u32 stack = write_stack(process, arguments, count);
  if (stack == 0) return false;
  memset(process->name, 0, MAX_NAME);
  u32 length = strlen(arguments[0]);
  memcpy(process->name, arguments[0], length < MAX_NAME ? length : MAX_NAME - 1);
  memset(frame, 0, sizeof *frame);
  frame->ds = frame->es = frame->ss = PV_USER_DS;
  frame->cs = PV_USER_CS;
  frame->eip = ((const struct elf_header *)module())->entry;
  frame->esp = stack;
  frame->eflags = FLAG_IF | 2;
  return true;
}

// Copies a string out of user memory into what is left of `room`; NULL when it is too long or not there.
static const char *copy_string(char **room, const char *end, u32 from) {
  char *start = *room;
  for (u32 i = 0;; i++) {
    if (*room == end || !space_check(from + i, 1, false)) return NULL;
    *(*room)++ = *(char *)(from + i);
    if (*(char *)(from + i) == 0) return start;
  }
}

i32 linux_exec(struct trap_frame *frame, u32 path, u32 arguments) {
  static char text[ARGUMENT_BYTES];
  const char *pointers[MAX_LINUX_ARGUMENTS];
  char *room = text, *end = text + sizeof text;
  const char *name = copy_string(&room, end, path);
  if (name == NULL) return -EFAULT;
  if (!linux_program_is(name)) return -ENOENT;
  u32 count = 0;
  for (;; count++) {
    if (!space_check(arguments + 4 * count, 4, false)) return -EFAULT;
    u32 pointer = ((u32 *)arguments)[count];
    if (pointer == 0) break;
    if (count == MAX_LINUX_ARGUMENTS) return -E2BIG;
    pointers[count] = copy_string(&room, end, pointer);
    if (pointers[count] == NULL) return room == end ? -E2BIG : -EFAULT;
  }
  if (count == 0) return -EINVAL;
  if (!linux_load(current, frame, pointers, count)) process_exit(STATUS_KILLED);
  return 0;
}

// The first process is the module; its arguments are the words of the kernel's command line behind `--`.
void linux_start(void) {
  static char words[ARGUMENT_BYTES];
  const char *pointers[MAX_LINUX_ARGUMENTS] = {program_path};
  const char *line = pv_command_line;
  while (line[0] != 0 && !(line[0] == '-' && line[1] == '-')) line++;
  u32 length = strlen(line), count = 0;
  if (length >= sizeof words) length = sizeof words - 1;
  memcpy(words, line, length);
  for (char *at = words[0] == 0 ? words : words + 2; *at != 0;) {
    while (*at == ' ') *at++ = 0;
    if (*at == 0) break;
    if (count == MAX_LINUX_ARGUMENTS) panic("too many arguments for the program");
    pointers[count++] = at;
    while (*at != 0 && *at != ' ') at++;
  }
  if (count == 0) panic("the command line does not name the program behind --");
  if (strlen(pointers[0]) >= sizeof program_path) panic("the name of the program is too long");
  memcpy(program_path, pointers[0], strlen(pointers[0]));
  struct trap_frame *frame;
  struct process *init = process_first(&frame);
  if (!linux_load(init, frame, pointers, count)) panic("the program is no static i386 ELF program that fits");
  processes_run(init);
}
