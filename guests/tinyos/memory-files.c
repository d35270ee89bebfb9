// Files in memory for Linux programs (open(2), lseek(2), unlink(2)): one flat directory of names, pages taken as written.
#include "linux.h"
#include "os.h"

#define MAX_NODES 16
#define MAX_NODE_PAGES 128
#define MAX_DESCRIPTIONS 32
#define MAX_PATH 48

struct node {
  char path[MAX_PATH]; // empty: without a name
  u32 users, size;
  u8 *pages[MAX_NODE_PAGES];
};
struct description {
  struct node *node;
  u32 users, position, flags;
};

static struct node nodes[MAX_NODES];
static struct description descriptions[MAX_DESCRIPTIONS];

static void node_truncate(struct node *node) {
  for (u32 i = 0; i < MAX_NODE_PAGES; i++) {
    if (node->pages[i] != NULL) page_release(node->pages[i]);
    node->pages[i] = NULL;
  }
  node->size = 0;
}

static void node_forget(struct node *node) {
  if (node->path[0] == 0 && node->users == 0) node_truncate(node);
}

static struct node *node_find(const char *path) {
  for (u32 i = 0; i < MAX_NODES; i++) {
    if (nodes[i].path[0] != 0 && strcmp(nodes[i].path, path) == 0) return &nodes[i];
  }
  return NULL;
}

static struct node *node_create(const char *path) {
  for (u32 i = 0; i < MAX_NODES; i++) {
    if (nodes[i].path[0] != 0 || nodes[i].users > 0) continue;
    memcpy(nodes[i].path, path, strlen(path) + 1);
    return &nodes[i];
  }
  return NULL;
}

i32 memory_open(const char *path, u32 flags) {
  if (strlen(path) >= MAX_PATH) return -ENAMETOOLONG;
  i32 slot = file_slot();
  if (slot < 0) return -EMFILE;
  u32 free = 0;
  while (free < MAX_DESCRIPTIONS && descriptions[free].users > 0) free++;
  if (free == MAX_DESCRIPTIONS) return -ENFILE;
  struct node *node = node_find(path);
  if (node == NULL && !(flags & O_CREAT)) return -ENOENT;
  if (node != NULL && (flags & O_CREAT) && (flags & O_EXCL)) return -EEXIST;
  if (node == NULL) node = node_create(path);
  if (node == NULL) return -ENOSPC;
  if ((flags & O_TRUNC) && (flags & O_ACCMODE) != O_RDONLY) node_truncate(node);
  node->users++;
  descriptions[free] = (struct description){node, 1, 0, flags};
  current->files[slot] = (struct file){FILE_MEMORY, NULL, &descriptions[free]};
  return slot;
}

i32 memory_unlink(const char *path) {
  struct node *node = node_find(path);
  if (node == NULL) return -ENOENT;
  node->path[0] = 0;
  node_forget(node);
  return 0;
}

i32 memory_read(struct description *description, u8 *to, u32 count) {
  struct node *node = description->node;
  if ((description->flags & O_ACCMODE) == O_WRONLY) return -EBADF;
  u32 at = description->position, done = 0;
  if (at >= node->size) return 0;
  if (count > node->size - at) count = node->size - at;
  while (done < count) {
    u32 inside = (at + done) % PAGE_SIZE, part = PAGE_SIZE - inside;
    if (part > count - done) part = count - done;
    const u8 *page = node->pages[(at + done) / PAGE_SIZE];
    if (page == NULL)
      memset(to + done, 0, part);
    else
      memcpy(to + done, page + inside, part);
    done += part;
  }
  description->position += done;
  return (i32)done;
}

i32 memory_write(struct description *description, const u8 *from, u32 count) {
  struct node *node = description->node;
  if ((description->flags & O_ACCMODE) == O_RDONLY) return -EBADF;
  if (description->flags & O_APPEND) description->position = node->size;
  u32 at = description->position, done = 0;
  while (done < count) {
    u32 index = (at + done) / PAGE_SIZE, inside = (at + done) % PAGE_SIZE, part = PAGE_SIZE - inside;
    if (part > count - done) part = count - done;
    if (index >= MAX_NODE_PAGES) break;
    if (node->pages[index] == NULL) node->pages[index] = page_take();
    if (node->pages[index] == NULL) break;
    memcpy(node->pages[index] + inside, from + done, part);
    done += part;
  }
  if (done == 0 && count > 0) return -ENOSPC;
  description->position += done;
  if (description->position > node->size) node->size = description->position;
  return (i32)done;
}

i32 memory_seek(struct description *description, i32 offset, u32 whence) {
  u32 base = whence == SEEK_SET ? 0 : whence == SEEK_CUR ? description->position : description->node->size;
  i32 target = (i32)base + offset;
  if (whence > SEEK_END || target < 0) return -EINVAL;
  description->position = (u32)target;
  return target;
}

void memory_share(struct description *description) { description->users++; }

void memory_close(struct description *description) {
  if (--description->users > 0) return;
  description->node->users--;
  node_forget(description->node);
}
