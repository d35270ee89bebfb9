// open(2), read, write, lseek, dup, truncate, link, rename, unlink, directories: results and errors.
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void result(const char *what, long value) {
  printf("%s: %ld %s\n", what, value, value < 0 ? strerror(errno) : "");
}

static int by_name(const void *a, const void *b) { return strcmp(*(char *const *)a, *(char *const *)b); }

static void list(const char *path) {
  DIR *dir = opendir(path);
  char *names[64];
  int count = 0;
  for (struct dirent *e; (e = readdir(dir));) {
    char line[300];
    snprintf(line, sizeof line, "%s type %d", e->d_name, e->d_type);
    names[count++] = strdup(line);
  }
  closedir(dir);
  qsort(names, count, sizeof *names, by_name);
  for (int i = 0; i < count; i++) puts(names[i]);
}

int main(void) {
  char template[] = "/tmp/filesXXXXXX";
  if (!mkdtemp(template)) return 1;
  chdir(template);
  umask(027);
  result("no such file", open("none", O_RDONLY));
  int fd = open("a", O_RDWR | O_CREAT | O_EXCL, 0666);
  result("exclusive again", open("a", O_RDWR | O_CREAT | O_EXCL, 0666));
  result("write", write(fd, "hello world", 11));
  result("seek", lseek(fd, -5, SEEK_END));
  char buffer[64] = {0};
  result("read", read(fd, buffer, 64));
  puts(buffer);
  result("seek before start", lseek(fd, -50, SEEK_CUR));
  result("pread", pread(fd, buffer, 4, 2));
  result("hole", pwrite(fd, "x", 1, 100));
  struct stat st;
  fstat(fd, &st);
  printf("size %ld mode %o links %ld\n", (long)st.st_size, st.st_mode, (long)st.st_nlink);
  result("truncate", ftruncate(fd, 5));
  result("truncate negative", ftruncate(fd, -1));
  int copy = dup(fd);
  result("seek in copy", lseek(copy, 3, SEEK_SET));
  result("offset is shared", lseek(fd, 0, SEEK_CUR));
  result("dup2 to itself", dup2(fd, fd) == fd);
  result("dup2 of nothing", dup2(99, 5));
  result("flags", fcntl(fd, F_GETFL) & (O_ACCMODE | O_APPEND));
  result("append", fcntl(fd, F_SETFL, O_APPEND));
  lseek(fd, 0, SEEK_SET);
  result("write at the end", write(fd, "!", 1));
  result("offset", lseek(fd, 0, SEEK_CUR));
  result("cloexec", fcntl(fd, F_SETFD, FD_CLOEXEC));
  result("cloexec is", fcntl(fd, F_GETFD));
  result("close", close(copy));
  result("close again", close(copy));
  result("mkdir", mkdir("d", 0777));
  result("mkdir again", mkdir("d", 0777));
  result("link", link("a", "d/b"));
  result("symlink", symlink("d/b", "s"));
  result("symlink loop", symlink("loop", "loop"));
  result("open loop", open("loop", O_RDONLY));
  result("readlink", readlink("s", buffer, sizeof buffer));
  result("open through link", open("s", O_RDONLY) > 0);
  result("nofollow", open("s", O_RDONLY | O_NOFOLLOW));
  result("open directory for writing", open("d", O_WRONLY));
  result("not a directory", open("a/b", O_RDONLY));
  result("directory wanted", open("a", O_RDONLY | O_DIRECTORY));
  result("rmdir not empty", rmdir("d"));
  result("rmdir of a file", rmdir("a"));
  result("unlink of a directory", unlink("d"));
  result("rename over directory", rename("a", "d"));
  result("rename directory over file", rename("d", "a"));
  result("rename into itself", rename("d", "d/e"));
  result("rename", rename("a", "c"));
  stat("d/b", &st);
  printf("links %ld\n", (long)st.st_nlink);
  result("chmod", chmod("c", 04751));
  stat("c", &st);
  printf("mode %o\n", st.st_mode);
  result("access", access("c", X_OK));
  result("long name", open("0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789"
                           "0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789"
                           "01234567890123456789012345678901234567890123456789012345678901234567890123456789", O_CREAT, 0600));
  result("empty name", open("", O_RDONLY));
  result("fifo", mkfifo("f", 0600));
  list(".");
  result("trailing slash on a file", open("c/", O_RDONLY));
  result("trailing slash on a new name", open("n/", O_RDWR | O_CREAT, 0600));
  unlink("d/b");
  unlink("c");
  unlink("s");
  unlink("f");
  unlink("loop");
  result("unlink of nothing", unlink("c"));
  fstat(fd, &st);
  printf("links %ld\n", (long)st.st_nlink);
  result("read after unlink", pread(fd, buffer, 64, 0));
  rmdir("d");
  chdir("/");
  result("rmdir", rmdir(template));
  return 0;
}
