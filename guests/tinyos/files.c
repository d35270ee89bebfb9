// Files of tinyos: the console with its line editing, and pipes (files in memory: memory-files.c).
#include "os.h"

#define MAX_PIPES 16
#define CONTROL_D 4

static struct pipe pipes[MAX_PIPES];
static char line[256];  // what is being typed, then read
static u32 line_length; // characters in line
static bool line_ready; // the line is complete; more input waits
static u32 line_read;   // characters of it already given out

static void console_character(char c) {
  if (line_ready) return;
  if (c == '\r') c = '\n';
  if (c == 8 || c == 127) {
    if (line_length > 0) {
      line_length--;
      print("\b \b");
    }
    return;
  }
  if (c == CONTROL_D || c == '\n' || line_length < sizeof line - 2) {
    if (c != CONTROL_D) {
      line[line_length++] = c;
      pv_putc(c);
    }
    if (c == CONTROL_D || c == '\n') {
      line_ready = true;
      wake(&line);
    }
  }
}

void console_input(void) {
  while (!line_ready) {
    int c = pv_getc();
    if (c < 0) return;
    console_character((char)c);
  }
}

static i32 console_read(char *to, u32 count) {
  for (;;) {
    console_input();
    if (line_ready) break;
    wait_on(&line);
  }
  u32 given = 0;
  while (given < count && line_read < line_length) to[given++] = line[line_read++];
  if (line_read == line_length) {
    line_ready = false;
    line_read = line_length = 0;
  }
  return (i32)given;
}

static i32 pipe_read(struct pipe *pipe, u8 *to, u32 count) {
  while (pipe->count == 0) {
    if (pipe->writers == 0) return 0;
    wait_on(pipe);
  }
  u32 given = 0;
  for (; given < count && pipe->count > 0; given++, pipe->count--) {
    to[given] = pipe->data[pipe->head];
    pipe->head = (pipe->head + 1) % sizeof pipe->data;
  }
  wake(pipe);
  return (i32)given;
}

static i32 pipe_write(struct pipe *pipe, const u8 *from, u32 count) {
  for (u32 taken = 0; taken < count;) {
    if (pipe->readers == 0) return -1;
    if (pipe->count == sizeof pipe->data) {
      wait_on(pipe);
      continue;
    }
    pipe->data[(pipe->head + pipe->count++) % sizeof pipe->data] = from[taken++];
    if (taken == count || pipe->count == sizeof pipe->data) wake(pipe);
  }
  return (i32)count;
}

void file_share(struct file *file) {
  if (file->kind == FILE_PIPE_READ) file->pipe->readers++;
  if (file->kind == FILE_PIPE_WRITE) file->pipe->writers++;
  if (file->kind == FILE_MEMORY) memory_share(file->description);
}

void file_close(struct file *file) {
  if (file->kind == FILE_PIPE_READ) file->pipe->readers--;
  if (file->kind == FILE_PIPE_WRITE) file->pipe->writers--;
  if (file->pipe != NULL) wake(file->pipe);
  if (file->kind == FILE_MEMORY) memory_close(file->description);
  *file = (struct file){FILE_NONE, NULL, NULL};
}

struct file *file_of(u32 fd) {
  return fd < MAX_FILES && current->files[fd].kind != FILE_NONE ? &current->files[fd] : NULL;
}

i32 sys_read(u32 fd, u32 buffer, u32 count) {
  struct file *file = file_of(fd);
  if (file == NULL || !space_check(buffer, count, true)) return -1;
  if (file->kind == FILE_CONSOLE) return console_read((char *)buffer, count);
  if (file->kind == FILE_MEMORY) return memory_read(file->description, (u8 *)buffer, count);
  return file->kind == FILE_PIPE_READ ? pipe_read(file->pipe, (u8 *)buffer, count) : -1;
}

i32 sys_write(u32 fd, u32 buffer, u32 count) {
  struct file *file = file_of(fd);
  if (file == NULL || !space_check(buffer, count, false)) return -1;
  if (file->kind == FILE_PIPE_WRITE) return pipe_write(file->pipe, (const u8 *)buffer, count);
  if (file->kind == FILE_MEMORY) return memory_write(file->description, (const u8 *)buffer, count);
  if (file->kind != FILE_CONSOLE) return -1;
  for (u32 i = 0; i < count; i++) pv_putc(((const char *)buffer)[i]);
  return (i32)count;
}

i32 sys_close(u32 fd) {
  struct file *file = file_of(fd);
  if (file == NULL) return -1;
  file_close(file);
  return 0;
}

i32 file_slot(void) {
  for (u32 i = 0; i < MAX_FILES; i++) {
    if (current->files[i].kind == FILE_NONE) return (i32)i;
  }
  return -1;
}

i32 sys_dup(u32 fd) {
  struct file *file = file_of(fd);
  i32 slot = file_slot();
  if (file == NULL || slot < 0) return -1;
  current->files[slot] = *file;
  file_share(file);
  return slot;
}

i32 sys_pipe(u32 fds) {
  if (!space_check(fds, 8, true)) return -1;
  for (u32 i = 0; i < MAX_PIPES; i++) {
    struct pipe *pipe = &pipes[i];
    if (pipe->readers + pipe->writers > 0) continue;
    i32 in = file_slot();
    if (in < 0) return -1;
    current->files[in] = (struct file){FILE_PIPE_READ, pipe, NULL};
    i32 out = file_slot();
    if (out < 0) {
      current->files[in] = (struct file){FILE_NONE, NULL, NULL};
      return -1;
    }
    current->files[out] = (struct file){FILE_PIPE_WRITE, pipe, NULL};
    memset(pipe, 0, sizeof *pipe);
    pipe->readers = pipe->writers = 1;
    ((i32 *)fds)[0] = in;
    ((i32 *)fds)[1] = out;
    return 0;
  }
  return -1;
}
