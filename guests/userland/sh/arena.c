// See sh.h: memory in chunks, given back as a whole or down to a mark.
#include "sh.h"

struct chunk {
  struct chunk *before;
  size_t used, room;
  u64 data[];
};
enum { CHUNK = 2000 };
struct arena temporary;

void *arena_allocate(struct arena *arena, size_t size) {
  size = (size + 7) & ~(size_t)7;
  struct chunk *chunk = arena->chunks;
  if (chunk == NULL || chunk->room - chunk->used < size) {
    size_t room = size > CHUNK ? size : CHUNK;
    chunk = allocate(sizeof *chunk + room);
    *chunk = (struct chunk){arena->chunks, 0, room};
    arena->chunks = chunk;
  }
  void *block = (char *)chunk->data + chunk->used;
  chunk->used += size;
  return memset(block, 0, size);
}

char *arena_copy(struct arena *arena, const char *s, size_t length) {
  char *copy = arena_allocate(arena, length + 1);
  memcpy(copy, s, length);
  return copy;
}

struct mark arena_mark(struct arena *arena) {
  return (struct mark){arena->chunks, arena->chunks == NULL ? 0 : arena->chunks->used};
}

void arena_release(struct arena *arena, struct mark mark) {
  while (arena->chunks != mark.chunk) {
    struct chunk *chunk = arena->chunks;
    arena->chunks = chunk->before;
    release(chunk);
  }
  if (mark.chunk != NULL) mark.chunk->used = mark.used;
}
