// Memory from brk(2) in blocks of powers of two, each with its size before it; what was released is used again for the same size.
#include "user.h"

union block {
  struct { u32 size_class; } head;
  union block *next;
  u64 align[2];
};
static union block *unused[8 * sizeof(size_t)];
static char *top, *limit;
enum { SMALLEST = 5, GROWTH = 32768 };

// Fresh memory from the end of the heap.
static void *extend(size_t size) {
  if (top == NULL) top = limit = (char *)((CALL1(brk, 0) + 15) & ~15ul);
  if ((size_t)(limit - top) < size) {
    size_t more = (size - (limit - top) + GROWTH - 1) & ~(size_t)(GROWTH - 1);
    if (CALL1(brk, limit + more) != (long)(limit + more)) die(1, "out of memory");
    limit += more;
  }
  char *block = top;
  top += size;
  return block;
}

void *allocate(size_t size) {
  u32 class = SMALLEST;
  while (((size_t)1 << class) < size + sizeof(union block)) class++;
  union block *block = unused[class];
  if (block != NULL) unused[class] = block[1].next;
  else block = extend((size_t)1 << class);
  block->head.size_class = class;
  return block + 1;
}

void release(void *memory) {
  if (memory == NULL) return;
  union block *block = (union block *)memory - 1;
  block[1].next = unused[block->head.size_class];
  unused[block->head.size_class] = block;
}

void *reallocate(void *memory, size_t size) {
  if (memory == NULL) return allocate(size);
  size_t room = ((size_t)1 << ((union block *)memory - 1)->head.size_class) - sizeof(union block);
  if (size <= room) return memory;
  void *moved = allocate(size);
  memcpy(moved, memory, room);
  release(memory);
  return moved;
}

char *copy_part(const char *s, size_t length) {
  char *copy = allocate(length + 1);
  memcpy(copy, s, length);
  copy[length] = 0;
  return copy;
}

char *copy_string(const char *s) { return copy_part(s, strlen(s)); }

void text_add(struct text *text, const char *s, size_t length) {
  if (text->length + length + 1 > text->room) {
    text->room = (text->length + length + 1) * 2;
    text->data = reallocate(text->data, text->room);
  }
  memcpy(text->data + text->length, s, length);
  text->length += length;
  text->data[text->length] = 0;
}

void text_put(struct text *text, char c) { text_add(text, &c, 1); }
void text_string(struct text *text, const char *s) { text_add(text, s, strlen(s)); }

void list_add(struct list *list, char *item) {
  if (list->count + 2 > list->room) {
    list->room = list->room * 2 + 16;
    list->items = reallocate(list->items, list->room * sizeof(char *));
  }
  list->items[list->count++] = item;
  list->items[list->count] = NULL;
}

static void merge_sort(void **items, void **space, size_t count, int (*compare)(const void *, const void *)) {
  if (count < 2) return;
  size_t half = count / 2;
  merge_sort(items, space, half, compare);
  merge_sort(items + half, space, count - half, compare);
  memcpy(space, items, half * sizeof(void *));
  for (size_t left = 0, right = half, to = 0; left < half; to++) {
    bool from_right = right < count && compare(items[right], space[left]) < 0;
    items[to] = from_right ? items[right++] : space[left++];
  }
}

void sort(void **items, size_t count, int (*compare)(const void *, const void *)) {
  void **space = allocate(count * sizeof(void *));
  merge_sort(items, space, count, compare);
  release(space);
}

void sort_list(struct list *list, int (*compare)(const char *, const char *)) {
  sort((void **)list->items, list->count, (int (*)(const void *, const void *))compare);
}
