// Data that moves between files in the kernel: splice(2), tee(2), vmsplice(2), sendfile(2).
#include "case.h"
#include <sys/sendfile.h>
#include <sys/socket.h>

static char text[9000];
static int a[2], b[2];

static int file(const char *contents) {
  put("f", contents);
  return open("f", O_RDWR);
}

CASE(splice_file_to_pipe) { int fd = file("abcdef"); pipe(a); R(splice(fd, NULL, a[1], NULL, 4, 0)); R(read(a[0], text, 9)); say("%.4s\n", text); R(lseek(fd, 0, SEEK_CUR)); }
CASE(splice_with_offset) { int fd = file("abcdef"); pipe(a); loff_t at = 2; R(splice(fd, &at, a[1], NULL, 9, 0)); say("%d\n", (int)at); R(lseek(fd, 0, SEEK_CUR)); R(splice(fd, &at, a[1], NULL, 9, SPLICE_F_NONBLOCK)); }
CASE(splice_pipe_to_file) { int fd = file(""); pipe(a); write(a[1], "data", 4); R(splice(a[0], NULL, fd, NULL, 3, 0)); show("f"); }
CASE(splice_pipe_to_pipe) { pipe(a); pipe(b); write(a[1], "data", 4); R(splice(a[0], NULL, b[1], NULL, 3, 0)); R(read(b[0], text, 9)); R(read(a[0], text, 9)); }
CASE(splice_to_socket) { socketpair(AF_UNIX, SOCK_STREAM, 0, b); pipe(a); write(a[1], "data", 4); R(splice(a[0], NULL, b[0], NULL, 9, 0)); R(read(b[1], text, 9)); write(b[1], "back", 4); R(splice(b[0], NULL, a[1], NULL, 9, 0)); R(read(a[0], text, 9)); }
CASE(splice_bad) { int fd = file("abc"); pipe(a); loff_t at = 0; R(splice(fd, NULL, fd, NULL, 1, 0)); R(splice(77, NULL, a[1], NULL, 1, 0)); R(splice(fd, NULL, 77, NULL, 1, 0)); R(splice(a[0], &at, fd, NULL, 1, 0)); R(splice(fd, NULL, a[0], NULL, 1, 0)); R(splice(a[1], NULL, fd, NULL, 1, 0)); R(splice(fd, NULL, a[1], NULL, 1, 99)); R(splice(fd, BAD, a[1], NULL, 1, 0)); R(splice(a[0], NULL, a[1], NULL, 1, 0)); R(splice(fd, NULL, a[1], NULL, 0, 0)); at = -1; R(splice(fd, &at, a[1], NULL, 1, 0)); }
CASE(splice_nonblocking) { pipe(a); pipe(b); R(splice(a[0], NULL, b[1], NULL, 9, SPLICE_F_NONBLOCK)); close(a[1]); R(splice(a[0], NULL, b[1], NULL, 9, 0)); }
CASE(splice_append) { int fd = file("abc"); close(fd); fd = open("f", O_WRONLY | O_APPEND); pipe(a); write(a[1], "x", 1); R(splice(a[0], NULL, fd, NULL, 1, 0)); }
CASE(splice_full) { int fd = file(""); ftruncate(fd, 1 << 20); pipe(a); R(splice(fd, NULL, a[1], NULL, 1 << 20, 0)); R(splice(fd, NULL, a[1], NULL, 1, SPLICE_F_NONBLOCK)); }
CASE(tee_copies) { pipe(a); pipe(b); write(a[1], "data", 4); R(tee(a[0], b[1], 9, 0)); R(read(a[0], text, 9)); R(read(b[0], text, 9)); }
CASE(tee_bad) { int fd = file("abc"); pipe(a); pipe(b); R(tee(fd, a[1], 1, 0)); R(tee(a[0], fd, 1, 0)); R(tee(77, a[1], 1, 0)); R(tee(a[0], a[1], 1, 0)); R(tee(a[0], b[1], 1, SPLICE_F_NONBLOCK)); R(tee(a[0], b[1], 0, 0)); R(tee(a[0], b[1], 1, 77)); close(a[1]); R(tee(a[0], b[1], 1, 0)); }
CASE(vmsplice_gives) { pipe(a); struct iovec parts[] = {{"one", 3}, {"two", 3}}; R(vmsplice(a[1], parts, 2, 0)); R(read(a[0], text, 9)); say("%.6s\n", text); }
CASE(vmsplice_takes) { pipe(a); write(a[1], "data", 4); struct iovec part = {text, 9}; R(vmsplice(a[0], &part, 1, 0)); say("%.4s\n", text); }
CASE(vmsplice_bad) { int fd = file("abc"); pipe(a); struct iovec part = {"x", 1}; R(vmsplice(fd, &part, 1, 0)); R(vmsplice(77, &part, 1, 0)); R(vmsplice(a[1], BAD, 1, 0)); R(vmsplice(a[1], &part, 2000, 0)); R(vmsplice(a[1], &part, 1, 99)); part.iov_base = BAD; R(vmsplice(a[1], &part, 1, 0)); R(vmsplice(a[1], &part, 0, 0)); }
CASE(sendfile_whole) { int fd = file("abcdef"), out = open("out", O_RDWR | O_CREAT, 0600); R(sendfile(out, fd, NULL, 99)); show("out"); R(sendfile(out, fd, NULL, 99)); off_t at = 3; R(sendfile(out, fd, &at, 2)); say("%d\n", (int)at); show("out"); }
CASE(sendfile_bad) { int fd = file("abc"); pipe(a); R(sendfile(77, fd, NULL, 1)); R(sendfile(1, 77, NULL, 1)); R(sendfile(a[1], a[0], NULL, 1)); R(sendfile(fd, fd, BAD, 1)); off_t at = -1; R(sendfile(a[1], fd, &at, 1)); int only = open("f", O_RDONLY); R(sendfile(only, fd, NULL, 1)); int append = open("f", O_WRONLY | O_APPEND); R(sendfile(append, fd, NULL, 1)); }
CASE(sendfile_to_pipe) { int fd = file("abcdef"); pipe(a); R(sendfile(a[1], fd, NULL, 4)); R(read(a[0], text, 9)); }
CASE(sendfile_offset_read_only) { put("f", ""); int from = open("f", O_RDONLY), to = open("g", O_CREAT | O_WRONLY, 0600); void *p = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0); R(sendfile(to, from, p, 1)); }
