// overlayfs: merged listings, copy-up, whiteouts, opaque directories, renames, links, numbers and options.
#include "common.h"

static void attribute(const char *path, const char *name) {
  char value[64];
  long count = getxattr(path, name, value, sizeof value);
  if (count < 0) printf("%s %s: %s\n", path, name, strerror(errno));
  else printf("%s %s: %.*s\n", path, name, (int)count, value);
}

static void status(const char *path) {
  struct stat st;
  if (lstat(path, &st)) printf("%s: %s\n", path, strerror(errno));
  else
    printf("%s: mode %o links %ld uid %d gid %d size %ld rdev %x mtime %ld\n", path, st.st_mode, (long)st.st_nlink,
           st.st_uid, st.st_gid, S_ISDIR(st.st_mode) ? 0L : (long)st.st_size, (unsigned)st.st_rdev,
           st.st_mtime < 10000 ? (long)st.st_mtime : -1L);
}

static void prepare(void) {
  char *directories[] = {"l1", "l2", "u", "w", "m", "l1/d", "l2/d", "l2/d/sub", "l1/only1", "l2/only2", "l2/hidden", "l1/full"};
  for (unsigned i = 0; i < sizeof directories / sizeof *directories; i++) mkdir(directories[i], 0755);
  put("l1/a", "a of one");
  put("l2/a", "a of two");
  put("l2/b", "b of two");
  put("l1/d/x", "x of one");
  put("l2/d/x", "x of two");
  put("l2/d/y", "y of two");
  put("l2/d/sub/deep", "deep");
  put("l2/hidden/file", "never seen");
  put("l1/full/f", "f");
  put("l2/h1", "linked");
  link("l2/h1", "l2/h2");
  symlink("b", "l2/s");
  mkfifo("l2/fifo", 0640);
  mknod("l1/hidden", S_IFCHR, 0);
  chmod("l2/b", 04755);
  chown("l2/b", 12, 34);
  struct timespec times[2] = {{1000, 5}, {2000, 7}};
  utimensat(AT_FDCWD, "l2/b", times, 0);
  setxattr("l2/b", "user.color", "red", 3, 0);
  setxattr("l2/b", "trusted.key", "t", 1, 0);
}

static void copying(void) {
  struct stat before, after;
  stat("m/b", &before);
  int reader = open("m/b", O_RDONLY);
  char *old = mmap(0, 4096, PROT_READ, MAP_SHARED, reader, 0);
  printf("mapped: %.8s\n", old);
  ok("nothing copied by reading", access("u/b", F_OK));
  int fd = open("m/b", O_RDWR | O_APPEND);
  ok("copied by opening", access("u/b", F_OK));
  status("u/b");
  attribute("u/b", "user.color");
  attribute("u/b", "trusted.key");
  result("write", write(fd, " changed", 8));
  show("m/b");
  show("u/b");
  show("l2/b");
  char text[64] = {0};
  pread(reader, text, 60, 0);
  printf("early reader: %s\n", text);
  char *fresh = mmap(0, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  fresh[0] = 'B';
  show("m/b");
  printf("old mapping: %.8s\n", old);
  munmap(old, 4096);
  munmap(fresh, 4096);
  stat("m/b", &after);
  printf("same number: %d same device: %d\n", before.st_ino == after.st_ino, before.st_dev == after.st_dev);
  close(fd);
  close(reader);
  ok("chmod copies", chmod("m/d/sub/deep", 0600));
  status("u/d/sub/deep");
  show("u/d/sub/deep");
  ok("chown of a link", lchown("m/s", 5, 6));
  status("u/s");
  ok("chown of a fifo", chown("m/fifo", 7, 8));
  status("u/fifo");
  stat("m/h1", &before);
  ok("chmod of a linked file", chmod("m/h1", 0600));
  status("m/h1");
  status("m/h2");
  stat("m/h1", &after);
  printf("number of a linked file stays: %d\n", before.st_ino == after.st_ino);
  ok("attribute copies", setxattr("m/a", "user.x", "1", 1, 0));
  attribute("u/a", "user.x");
  show("u/a");
  attribute("m/a", "trusted.overlay.origin");
  result("set an attribute of the overlay", setxattr("m/a", "trusted.overlay.opaque", "y", 1, 0));
  attribute("m/a", "trusted.overlay.opaque");
  attribute("u/a", "trusted.overlay.overlay.opaque");
  char names[256] = {0};
  long length = listxattr("m/a", names, sizeof names);
  for (char *n = names; n < names + length; n += strlen(n) + 1) printf("listed %s\n", n);
  ok("truncate", truncate("m/d/y", 1));
  show("m/d/y");
}

static void removing(void) {
  ok("unlink", unlink("m/d/x"));
  show("m/d/x");
  status("u/d/x");
  show("l1/d/x");
  result("unlink again", unlink("m/d/x"));
  put("m/d/x", "new x");
  status("u/d/x");
  show("m/d/x");
  result("rmdir not empty", rmdir("m/full"));
  ok("unlink in lower directory", unlink("m/full/f"));
  ok("rmdir", rmdir("m/full"));
  status("u/full");
  ok("mkdir over whiteout", mkdir("m/full", 0700));
  attribute("u/full", "trusted.overlay.opaque");
  list("m/full");
  ok("rmdir of a merged directory's child", unlink("m/d/sub/deep"));
  ok("rmdir sub", rmdir("m/d/sub"));
  status("u/d/sub");
  result("whiteout by hand", mknod("m/white", S_IFCHR, 0));
  ok("unlink of a hidden name's file", unlink("m/hidden"));
  list("m/d");
}

static void renaming(void) {
  result("rename of a merged directory", rename("m/d", "m/e"));
  result("rename of a lower directory", rename("m/only2", "m/e"));
  mkdir("m/fresh", 0755);
  put("m/fresh/in", "in");
  ok("rename of a new directory", rename("m/fresh", "m/fresher"));
  show("m/fresher/in");
  result("onto a directory of a lower layer that has files", rename("m/fresher", "m/d"));
  ok("onto an empty one", rename("m/fresher", "m/only1"));
  attribute("u/only1", "trusted.overlay.opaque");
  list("m/only1");
  ok("rename of a lower file", rename("m/a", "m/only1/a"));
  status("u/a");
  show("m/only1/a");
  ok("rename over a lower file", rename("m/only1/a", "m/b"));
  show("m/b");
  show("l2/b");
  ok("link to a lower file", link("m/h2", "m/h3"));
  struct stat a, b;
  stat("m/h2", &a);
  stat("m/h3", &b);
  printf("links %ld same %d\n", (long)a.st_nlink, a.st_ino == b.st_ino);
  put("m/p", "p");
  put("m/q", "q");
  ok("exchange", renameat2(AT_FDCWD, "m/p", AT_FDCWD, "m/h1", RENAME_EXCHANGE));
  show("m/p");
  show("m/h1");
  result("no replace", renameat2(AT_FDCWD, "m/p", AT_FDCWD, "m/q", RENAME_NOREPLACE));
}

static void numbers(void) {
  struct stat top, file, directory;
  stat("m", &top);
  stat("m/q", &file);
  stat("m/d", &directory);
  printf("one device: %d %d\n", top.st_dev == file.st_dev, top.st_dev == directory.st_dev);
  DIR *dir = opendir("m");
  int equal = 1;
  for (struct dirent *e; (e = readdir(dir));) {
    char path[300];
    snprintf(path, sizeof path, "m/%s", e->d_name);
    if (e->d_name[0] != '.' && !lstat(path, &file)) equal &= file.st_ino == e->d_ino;
  }
  closedir(dir);
  printf("listed numbers are those of stat: %d\n", equal);
  struct statfs fs;
  statfs("m", &fs);
  printf("type %lx\n", (long)fs.f_type);
}

int main(void) {
  own_tmp();
  prepare();
  result("no lower", mount("o", "m", "overlay", 0, "upperdir=u,workdir=w"));
  result("no work", mount("o", "m", "overlay", 0, "lowerdir=l1,upperdir=u"));
  result("one lower only", mount("o", "m", "overlay", 0, "lowerdir=l1"));
  result("work in upper", mount("o", "m", "overlay", 0, "lowerdir=l1,upperdir=u,workdir=u/w"));
  result("nonsense", mount("o", "m", "overlay", 0, "lowerdir=l1,nonsense=1"));
  mkdir("u/w2", 0755);
  result("work below upper", mount("o", "m", "overlay", 0, "lowerdir=l1,upperdir=u,workdir=u/w2"));
  rmdir("u/w2");
  ok("mount", mount("o", "m", "overlay", 0, "lowerdir=l1:l2,upperdir=u,workdir=w"));
  list("m");
  list("m/d");
  show("m/a");
  show("m/b");
  show("m/d/x");
  show("m/d/y");
  show("m/s");
  status("m/d");
  status("m/hidden");
  copying();
  removing();
  renaming();
  numbers();
  list("m");
  list("u");
  ok("umount", umount("m"));
  ok("again", mount("o", "m", "overlay", 0, "lowerdir=l1:l2,upperdir=u,workdir=w"));
  list("m");
  show("m/b");
  list("m/only1");
  ok("umount", umount("m"));
  ok("read-only", mount("o", "m", "overlay", 0, "lowerdir=u:l1:l2"));
  list("m");
  result("write", open("m/b", O_RDWR));
  result("create", open("m/new", O_RDWR | O_CREAT, 0600));
  result("chmod", chmod("m/b", 0600));
  return 0;
}
