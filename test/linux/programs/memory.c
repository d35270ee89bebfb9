// mmap(2), mprotect(2), mremap(2), brk(2), fork's copies, shared mappings of files and of memory.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define PAGE 4096

static void *map(size_t length, int protection, int flags, int fd, off_t offset) {
  void *p = mmap(NULL, length, protection, flags, fd, offset);
  if (p == MAP_FAILED) printf("mmap: %s\n", strerror(errno));
  return p;
}

/** How a child that does something ends. */
static void child(const char *what, void (*act)(char *), char *p) {
  fflush(stdout);
  pid_t pid = fork();
  if (pid == 0) {
    act(p);
    _exit(0);
  }
  int status;
  waitpid(pid, &status, 0);
  printf("%s: %s %d\n", what, WIFSIGNALED(status) ? "killed by" : "exited", WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
}

static void touch_write(char *p) { *(volatile char *)p = 1; }
static void touch_read(char *p) { (void)*(volatile char *)p; }
static void call(char *p) { ((void (*)(void))p)(); }
static void recurse(char *p) {
  char room[4000];
  memset(room, 1, sizeof room);
  if (*p++ != 77) recurse(p == room ? p : (char *)"x");
  room[0]++;
  (void)*(volatile char *)room;
}

int main(void) {
  char *p = map(4 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  printf("zero: %d\n", p[5000]);
  p[0] = 1;
  child("write in a child", touch_write, p + PAGE);
  printf("own copy: %d %d\n", p[0], p[PAGE]);
  mprotect(p + PAGE, PAGE, PROT_READ);
  child("read of a read-only page", touch_read, p + PAGE);
  child("write of a read-only page", touch_write, p + PAGE);
  mprotect(p + PAGE, PAGE, PROT_NONE);
  child("read of a page without rights", touch_read, p + PAGE);
  munmap(p + 2 * PAGE, PAGE);
  child("read of a hole", touch_read, p + 2 * PAGE);
  child("read beside it", touch_read, p + 3 * PAGE);
  printf("mprotect of a hole: %d %s\n", mprotect(p, 4 * PAGE, PROT_READ), strerror(errno));
  char *shared = map(PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  child("write of shared memory", touch_write, shared);
  printf("seen: %d\n", shared[0]);
  static const unsigned char ret[] = {0xc3};
  char *code = map(PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  memcpy(code, ret, 1);
  child("call of data", call, code);
  mprotect(code, PAGE, PROT_READ | PROT_EXEC);
  child("call of code", call, code);
  child("endless recursion", recurse, (char *)"y");
  char name[] = "/tmp/memoryXXXXXX";
  int fd = mkstemp(name);
  ftruncate(fd, PAGE + 100);
  pwrite(fd, "file", 4, 0);
  char *file = map(3 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  char *copy = map(PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
  printf("mapped: %.4s %.4s\n", file, copy);
  file[0] = 'F';
  copy[1] = 'I';
  char buffer[8] = {0};
  pread(fd, buffer, 4, 0);
  printf("file %s, shared %.4s, private %.4s\n", buffer, file, copy);
  printf("rest of the last page: %d\n", file[PAGE + 200]);
  child("beyond the file", touch_read, file + 2 * PAGE);
  ftruncate(fd, 10);
  child("after truncation", touch_read, file + PAGE);
  int readonly = open(name, O_RDONLY);
  printf("writable mapping of a file opened for reading: %d %s\n",
         mmap(NULL, PAGE, PROT_WRITE, MAP_SHARED, readonly, 0) == MAP_FAILED, strerror(errno));
  printf("odd offset: %d %s\n", mmap(NULL, PAGE, PROT_READ, MAP_SHARED, fd, 100) == MAP_FAILED, strerror(errno));
  printf("no length: %d %s\n", mmap(NULL, 0, PROT_READ, MAP_SHARED, fd, 0) == MAP_FAILED, strerror(errno));
  unlink(name);
  char *grown = map(2 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  strcpy(grown + PAGE, "moved");
  grown = mremap(grown, 2 * PAGE, 64 * PAGE, MREMAP_MAYMOVE);
  printf("mremap: %s %d\n", grown + PAGE, grown[60 * PAGE]);
  char *start = sbrk(0);
  printf("brk: %d\n", brk(start + 10000));
  start[9999] = 5;
  printf("heap: %d\n", sbrk(0) == start + 10000);
  brk(start);
  unsigned char vector[4];
  mincore(p, PAGE, vector);
  printf("mincore: %d\n", vector[0] & 1);
  madvise(p, PAGE, MADV_DONTNEED);
  printf("after DONTNEED: %d\n", p[0]);
  char *fixed = mmap(p, PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
  printf("fixed: %d\n", fixed == p);
  printf("not replacing: %d %s\n", mmap(p, PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0) == MAP_FAILED, strerror(errno));
  return 0;
}
