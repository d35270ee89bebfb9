// Asynchronous input and output: io_setup(2), io_submit(2), io_getevents(2), io_cancel(2), io_destroy(2), and the ring that
// programs may read themselves.
#include "case.h"
#include <linux/aio_abi.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

static aio_context_t context;
static void begin(void) {
  context = 0;
  R(SYS(io_setup, 8, &context));
}

static struct iocb request(int operation, int fd, const void *data, long length, long offset) {
  return (struct iocb){.aio_data = 7, .aio_lio_opcode = operation, .aio_fildes = fd, .aio_buf = (uintptr_t)data,
                       .aio_nbytes = length, .aio_offset = offset};
}

static long submit(struct iocb *one) { return SYS(io_submit, context, 1L, &one); }

/** Which of the bits of results are told: what a file is ready for besides what was asked differs. */
static int told = -1;

/** Waits for events and tells of them. */
static void events(int count) {
  struct io_event list[16];
  long found = SYS(io_getevents, context, (long)count, 16L, list, NULL);
  say("%ld events\n", found);
  for (int n = 0; n < found; n++) say("data %d result %d %d\n", (int)list[n].data, (int)list[n].res & told, (int)list[n].res2);
}

CASE(setup_and_destroy) { begin(); say("%d\n", context != 0); R(SYS(io_destroy, context)); R(SYS(io_destroy, context)); }
CASE(setup_errors) {
  context = 1;
  R(SYS(io_setup, 8, &context));
  context = 0;
  R(SYS(io_setup, 0, &context));
  R(SYS(io_setup, 8, BAD));
  R(SYS(io_setup, 0x7fffffff, &context));
  R(SYS(io_setup, 1000000, &context));
}
CASE(destroy_what_is_none) { R(SYS(io_destroy, 0)); R(SYS(io_destroy, 0x1000)); }
CASE(read) {
  char text[9] = "";
  put("f", "contents");
  begin();
  struct iocb one = request(IOCB_CMD_PREAD, open("f", O_RDONLY), text, 4, 2);
  R(submit(&one));
  events(1);
  say("%s\n", text);
}
CASE(read_at_the_end) {
  char text[9];
  put("f", "contents");
  begin();
  struct iocb one = request(IOCB_CMD_PREAD, open("f", O_RDONLY), text, 9, 5);
  R(submit(&one));
  one.aio_offset = 100;
  R(submit(&one));
  events(2);
}
CASE(write) {
  begin();
  struct iocb one = request(IOCB_CMD_PWRITE, open("f", O_CREAT | O_RDWR, 0600), "text", 4, 1);
  R(submit(&one));
  events(1);
  struct stat s;
  stat("f", &s);
  say("%d\n", (int)s.st_size);
}
CASE(write_to_the_end_of_a_file) {
  put("f", "ab");
  begin();
  struct iocb one = request(IOCB_CMD_PWRITE, open("f", O_APPEND | O_RDWR), "cd", 2, 0);
  R(submit(&one));
  one.aio_fildes = open("f", O_RDWR);
  one.aio_rw_flags = 16;
  R(submit(&one));
  events(2);
  show("f");
}
CASE(vectors) {
  char a[3] = "", b[4] = "";
  struct iovec out[2] = {{"one", 3}, {"two", 3}}, in[2] = {{a, 2}, {b, 3}}, none = {BAD, -1};
  int fd = open("f", O_CREAT | O_RDWR, 0600);
  begin();
  struct iocb one = request(IOCB_CMD_PWRITEV, fd, out, 2, 0), two = request(IOCB_CMD_PREADV, fd, in, 2, 1);
  struct iocb *both[] = {&one, &two};
  R(SYS(io_submit, context, 2L, both));
  events(2);
  say("%s %s\n", a, b);
  two.aio_buf = (uintptr_t)&none;
  two.aio_nbytes = 1;
  R(submit(&two));
  two.aio_nbytes = 1025;
  R(submit(&two));
  two.aio_buf = 8;
  two.aio_nbytes = 1;
  R(submit(&two));
}
CASE(bad_memory_is_told_by_the_event) {
  put("f", "contents");
  begin();
  int fd = open("f", O_RDWR);
  struct iocb one = request(IOCB_CMD_PREAD, fd, BAD, 4, 0), two = request(IOCB_CMD_PWRITE, fd, BAD, 4, 0);
  R(submit(&one));
  R(submit(&two));
  events(2);
}
CASE(submit_errors) {
  put("f", "x");
  char c;
  int fd = open("f", O_RDONLY), out = open("f", O_WRONLY);
  struct iocb one = request(IOCB_CMD_PREAD, fd, &c, 1, 0), *list = &one;
  R(SYS(io_submit, 0, 1L, &list));
  begin();
  R(SYS(io_submit, context, 0L, &list));
  R(SYS(io_submit, context, -1L, &list));
  R(SYS(io_submit, context, 1L, BAD));
  list = BAD;
  R(SYS(io_submit, context, 1L, &list));
  one.aio_lio_opcode = 99;
  R(submit(&one));
  one.aio_lio_opcode = IOCB_CMD_NOOP;
  R(submit(&one));
  one = request(IOCB_CMD_PREAD, 77, &c, 1, 0);
  R(submit(&one));
  one = request(IOCB_CMD_PREAD, out, &c, 1, 0);
  R(submit(&one));
  one = request(IOCB_CMD_PWRITE, fd, &c, 1, 0);
  R(submit(&one));
  one = request(IOCB_CMD_PREAD, fd, &c, 1, -1);
  R(submit(&one));
  one = request(IOCB_CMD_PREAD, fd, &c, -1, 0);
  R(submit(&one));
  one = request(IOCB_CMD_PREAD, fd, &c, 1, 0);
  one.aio_reserved2 = 1;
  R(submit(&one));
  one = request(IOCB_CMD_PREAD, fd, &c, 1, 0);
  one.aio_rw_flags = 1 << 20;
  R(submit(&one));
  one = request(IOCB_CMD_PREAD, open(".", O_RDONLY), &c, 1, 0);
  R(submit(&one));
  events(0);
}
CASE(what_comes_before_an_error_is_submitted) {
  char c;
  put("f", "x");
  begin();
  struct iocb one = request(IOCB_CMD_PREAD, open("f", O_RDONLY), &c, 1, 0), two = one, *both[] = {&one, &two, &one};
  two.aio_fildes = 77;
  R(SYS(io_submit, context, 3L, both));
  events(1);
}
CASE(synchronize) {
  put("f", "x");
  begin();
  struct iocb one = request(IOCB_CMD_FSYNC, open("f", O_RDWR), NULL, 0, 0), two = one;
  two.aio_lio_opcode = IOCB_CMD_FDSYNC;
  R(submit(&one));
  events(1);
  R(submit(&two));
  events(1);
  one.aio_nbytes = 1;
  R(submit(&one));
  int fds[2];
  pipe(fds);
  one = request(IOCB_CMD_FSYNC, fds[1], NULL, 0, 0);
  R(submit(&one));
}
CASE(getevents_waits_for_so_long) {
  struct io_event list[2];
  struct timespec little = {0, 2000000}, none = {0, 0};
  begin();
  R(SYS(io_getevents, context, 1L, 2L, list, &little));
  R(SYS(io_getevents, context, 1L, 2L, list, &none));
  R(SYS(io_getevents, context, 0L, 2L, list, NULL));
}
CASE(getevents_errors) {
  struct io_event list[2];
  struct timespec none = {0, 0};
  R(SYS(io_getevents, 0, 0L, 1L, list, &none));
  begin();
  R(SYS(io_getevents, context, 2L, 1L, list, &none));
  R(SYS(io_getevents, context, -1L, 1L, list, &none));
  R(SYS(io_getevents, context, 0L, 1L, list, BAD));
  char c;
  put("f", "x");
  struct iocb one = request(IOCB_CMD_PREAD, open("f", O_RDONLY), &c, 1, 0);
  R(submit(&one));
  R(SYS(io_getevents, context, 1L, 1L, BAD, &none));
  events(1);
}
CASE(getevents_gives_some_now_and_some_later) {
  char c;
  struct io_event list[2];
  put("f", "x");
  begin();
  struct iocb one = request(IOCB_CMD_PREAD, open("f", O_RDONLY), &c, 1, 0);
  for (int n = 1; n <= 3; n++) { one.aio_data = n; submit(&one); }
  R(SYS(io_getevents, context, 1L, 2L, list, NULL));
  say("%d %d\n", (int)list[0].data, (int)list[1].data);
  say("%d\n", list[0].obj == (uintptr_t)&one);
  events(1);
}
CASE(getevents_interrupted) {
  struct io_event list[2];
  struct sigaction action = {.sa_handler = SIG_IGN};
  void none(int s) {}
  action.sa_handler = none;
  sigaction(SIGALRM, &action, NULL);
  begin();
  struct itimerval soon = {{0}, {0, 20000}};
  setitimer(ITIMER_REAL, &soon, NULL);
  R(SYS(io_getevents, context, 1L, 2L, list, NULL));
}
CASE(pgetevents_with_a_mask) {
  struct io_event list[2];
  sigset_t mask;
  uint64_t alarms = 1ull << (SIGALRM - 1);
  struct { void *mask; size_t size; } set = {&alarms, 8}, wrong = {&alarms, 4};
  void none(int s) {}
  signal(SIGALRM, none);
  begin();
  struct itimerval soon = {{0}, {0, 5000}};
  struct timespec little = {0, 30000000}, nothing = {0, 0};
  setitimer(ITIMER_REAL, &soon, NULL);
  R(SYS(io_pgetevents, context, 1L, 2L, list, &little, &set));
  R(SYS(io_pgetevents, context, 1L, 2L, list, &nothing, &wrong));
  R(SYS(io_pgetevents, context, 0L, 2L, list, &nothing, NULL));
  R(SYS(io_pgetevents, 0, 0L, 2L, list, &nothing, NULL));
}
/* times of 64 bits on both ABIs */
#ifdef __i386__
#define SYS_wide_pgetevents 416
#else
#define SYS_wide_pgetevents SYS_io_pgetevents
#endif
CASE(pgetevents_with_wide_times) {
  struct io_event list[2];
  uint64_t alarms = 1ull << (SIGALRM - 1);
  struct { void *mask; size_t size; } set = {&alarms, 8}, wrong = {&alarms, 4};
  begin();
  struct { int64_t seconds, nanoseconds; } little = {0, 1000000}, nothing = {0, 0}, never = {-1, 0};
  R(SYS(wide_pgetevents, context, 1L, 2L, list, &little, &set));
  R(SYS(wide_pgetevents, context, 1L, 2L, list, &nothing, &wrong));
  R(SYS(wide_pgetevents, context, 0L, 2L, list, &nothing, NULL));
  R(SYS(wide_pgetevents, context, 1L, 2L, list, BAD, NULL));
  R(SYS(wide_pgetevents, context, 0L, 2L, list, &never, NULL));
  R(SYS(wide_pgetevents, 0, 0L, 2L, list, &nothing, NULL));
}
CASE(no_room_for_more_requests) {
  char c;
  put("f", "x");
  begin();
  struct iocb one = request(IOCB_CMD_PREAD, open("f", O_RDONLY), &c, 1, 0);
  int n = 0;
  while (n < 100000 && submit(&one) == 1) n++;
  say("%s %d\n", error_name(errno), n >= 8);
  struct io_event list[8];
  R(SYS(io_getevents, context, 1L, 8L, list, NULL));
  say("%d\n", submit(&one) == 1);
}
CASE(an_eventfd_hears_of_it) {
  char c;
  uint64_t count;
  put("f", "x");
  begin();
  int bell = eventfd(0, EFD_NONBLOCK);
  struct iocb one = request(IOCB_CMD_PREAD, open("f", O_RDONLY), &c, 1, 0);
  one.aio_flags = IOCB_FLAG_RESFD;
  one.aio_resfd = bell;
  R(submit(&one));
  R(submit(&one));
  R(read(bell, &count, 8));
  say("%d\n", (int)count);
  events(2);
  one.aio_resfd = 0;
  R(submit(&one));
  one.aio_resfd = 77;
  R(submit(&one));
}
CASE(a_pipe) {
  char text[9] = "";
  int fds[2];
  pipe(fds);
  begin();
  struct iocb out = request(IOCB_CMD_PWRITE, fds[1], "pipe", 4, 5), in = request(IOCB_CMD_PREAD, fds[0], text, 9, 0);
  R(submit(&out));
  R(submit(&in));
  events(2);
  say("%s\n", text);
}
CASE(an_empty_pipe_that_does_not_wait) {
  char c;
  int fds[2];
  pipe2(fds, O_NONBLOCK);
  begin();
  struct iocb in = request(IOCB_CMD_PREAD, fds[0], &c, 1, 0);
  R(submit(&in));
  events(1);
}
CASE(an_empty_pipe_waits_while_submitting) {
  char text[9] = "";
  int fds[2];
  pipe(fds);
  begin();
  struct iocb in = request(IOCB_CMD_PREAD, fds[0], text, 9, 0);
  if (fork() == 0) { pause_ms(20); write(fds[1], "late", 4); _exit(0); }
  R(submit(&in));
  say("%s\n", text);
  events(1);
  reap(-1);
}
CASE(poll_of_what_is_ready) {
  int fds[2];
  pipe(fds);
  begin();
  struct iocb one = request(IOCB_CMD_POLL, fds[1], (void *)POLLOUT, 0, 0);
  R(submit(&one));
  events(1);
}
CASE(poll_of_what_becomes_ready) {
  int fds[2];
  struct io_event list[2];
  struct timespec none = {0, 0};
  pipe(fds);
  begin();
  struct iocb one = request(IOCB_CMD_POLL, fds[0], (void *)POLLIN, 0, 0);
  R(submit(&one));
  R(SYS(io_getevents, context, 0L, 2L, list, &none));
  write(fds[1], "x", 1);
  told = POLLIN;
  events(1);
  R(SYS(io_getevents, context, 0L, 2L, list, &none));
}
CASE(poll_wakes_who_waits) {
  int pair[2];
  socketpair(AF_UNIX, SOCK_STREAM, 0, pair);
  begin();
  struct iocb one = request(IOCB_CMD_POLL, pair[0], (void *)(POLLIN | POLLRDHUP), 0, 0);
  R(submit(&one));
  if (fork() == 0) { pause_ms(20); write(pair[1], "x", 1); _exit(0); }
  told = POLLIN;
  events(1);
  reap(-1);
}
CASE(poll_of_a_closed_end) {
  int fds[2];
  pipe(fds);
  begin();
  struct iocb one = request(IOCB_CMD_POLL, fds[0], (void *)POLLIN, 0, 0);
  R(submit(&one));
  close(fds[1]);
  events(1);
}
CASE(poll_of_a_file) {
  put("f", "x");
  begin();
  struct iocb one = request(IOCB_CMD_POLL, open("f", O_RDONLY), (void *)POLLIN, 0, 0);
  R(submit(&one));
  events(1);
}
CASE(poll_errors) {
  int fds[2];
  pipe(fds);
  begin();
  struct iocb one = request(IOCB_CMD_POLL, fds[0], (void *)0x10000, 0, 0);
  R(submit(&one));
  one = request(IOCB_CMD_POLL, fds[0], (void *)POLLIN, 1, 0);
  R(submit(&one));
  one = request(IOCB_CMD_POLL, fds[0], (void *)POLLIN, 0, 1);
  R(submit(&one));
}
CASE(cancel_a_poll) {
  int fds[2];
  struct io_event event;
  pipe(fds);
  begin();
  struct iocb one = request(IOCB_CMD_POLL, fds[0], (void *)POLLIN, 0, 0);
  R(submit(&one));
  R(SYS(io_cancel, context, &one, &event));
  events(1);
  R(SYS(io_cancel, context, &one, &event));
}
CASE(cancel_errors) {
  char c;
  struct io_event event;
  put("f", "x");
  begin();
  struct iocb one = request(IOCB_CMD_PREAD, open("f", O_RDONLY), &c, 1, 0);
  R(SYS(io_cancel, context, &one, &event));
  R(SYS(io_cancel, context, BAD, &event));
  R(SYS(io_cancel, 0, &one, &event));
  one.aio_key = 5;
  R(SYS(io_cancel, context, &one, &event));
}
CASE(destroy_ends_what_waits) {
  int fds[2];
  pipe(fds);
  begin();
  struct iocb one = request(IOCB_CMD_POLL, fds[0], (void *)POLLIN, 0, 0);
  R(submit(&one));
  R(SYS(io_destroy, context));
  R(SYS(io_submit, context, 0L, NULL));
  R(write(fds[1], "x", 1));
}
CASE(the_ring_in_memory) {
  struct ring { unsigned id, nr, head, tail, magic, compatible, incompatible, length; struct io_event events[]; };
  char c;
  put("f", "x");
  begin();
  volatile struct ring *ring = (struct ring *)(uintptr_t)context;
  say("%x %u %u %u: %u %u\n", ring->magic, ring->compatible, ring->incompatible, ring->length, ring->head, ring->tail);
  struct iocb one = request(IOCB_CMD_PREAD, open("f", O_RDONLY), &c, 1, 0);
  submit(&one);
  submit(&one);
  say("%u %u %d\n", ring->head, ring->tail, (int)ring->events[1].res);
  ring->head = 1;
  events(0);
  say("%u %u\n", ring->head, ring->tail);
}
CASE(the_ring_in_maps) {
  char line[512];
  begin();
  FILE *file = fopen("/proc/self/maps", "r");
  while (fgets(line, sizeof line, file))
    if (strstr(line, "[aio]")) say("%.4s %s", strchr(line, ' ') + 1, strchr(line, '/'));
}
CASE(a_child_has_no_contexts) {
  begin();
  CHILD(R(SYS(io_submit, context, 0L, NULL)); R(SYS(io_destroy, context)));
  R(SYS(io_submit, context, 0L, NULL));
}

CASE(without_waiting) {
  char text[4];
  int p[2];
  begin();
  pipe(p);
  struct iocb one = request(IOCB_CMD_PREAD, p[0], text, 4, 0);
  one.aio_rw_flags = RWF_NOWAIT;
  R(submit(&one));
  events(1);
}
