// procfs and sysfs: the files that ps, top, free, mount and lsof read are there and have the form they expect.
#include "common.h"
#include <ctype.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/inotify.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/timerfd.h>

static char text[1 << 20];

static char *get(const char *path) {
  int fd = open(path, O_RDONLY);
  long count = 0, part;
  if (fd < 0) {
    printf("%s: %s\n", path, strerror(errno));
    return 0;
  }
  while ((part = read(fd, text + count, sizeof text - 1 - count)) > 0) count += part;
  text[count] = 0;
  close(fd);
  return text;
}

// every number is one #, so that only the form is compared
static void form(const char *path, const char *key) {
  char *found = get(path);
  if (!found) return;
  size_t length = strlen(key);
  for (char *line = strtok(found, "\n"); line; line = strtok(0, "\n")) {
    if (strncmp(line, key, length)) continue;
    printf("%s: ", path);
    for (char *c = line; *c; c++)
      if (isdigit(*c)) {
        while (isdigit(c[1])) c++;
        putchar('#');
      } else if (*c != ' ' || c[1] != ' ') putchar(*c);
    printf("\n");
    return;
  }
  printf("%s: no %s\n", path, key);
}

static int fields(const char *path) {
  char *found = get(path);
  int count = 0;
  for (char *word = found ? strtok(found, " \n") : 0; word; word = strtok(0, " \n")) count++;
  printf("%s: %d fields\n", path, count);
  return count;
}

static void target(int fd) {
  char path[64], name[256] = {0};
  snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
  long count = readlink(path, name, sizeof name - 1);
  char *digits = strpbrk(name, "0123456789");
  if (digits) strcpy(digits, "#]");
  printf("fd: %s\n", count < 0 ? strerror(errno) : name);
  close(fd);
}

static void here(const char *path) { printf("%s: %s\n", path, access(path, R_OK) ? strerror(errno) : "there"); }

int main(void) {
  own_tmp();
  char *memory[] = {"MemTotal:", "MemFree:", "MemAvailable:", "Buffers:", "Cached:", "SwapTotal:", "SwapFree:", "Shmem:", "SReclaimable:"};
  for (int i = 0; i < 9; i++) form("/proc/meminfo", memory[i]);
  char *stat[] = {"cpu ", "cpu0", "btime", "processes", "procs_running", "ctxt"};
  for (int i = 0; i < 6; i++) form("/proc/stat", stat[i]);
  form("/proc/loadavg", "");
  form("/proc/uptime", "");
  form("/proc/vmstat", "nr_free_pages");
  form("/proc/swaps", "Filename");
  form("/proc/cpuinfo", "processor");
  form("/proc/cpuinfo", "cpu MHz");
  form("/proc/filesystems", "nodev\ttmpfs");
  form("/proc/filesystems", "nodev\toverlay");
  char *status[] = {"Name:", "State:", "Tgid:", "PPid:", "Uid:", "Gid:", "VmPeak:", "VmSize:", "VmRSS:", "RssAnon:",
                    "VmData:", "VmStk:", "VmExe:", "VmLib:", "VmSwap:", "Threads:", "SigQ:", "SigBlk:",
                    "voluntary_ctxt_switches:"};
  for (int i = 0; i < 19; i++) form("/proc/self/status", status[i]);
  fields("/proc/self/stat");
  fields("/proc/self/statm");
  form("/proc/self/io", "rchar:");
  form("/proc/self/io", "write_bytes:");
  char *smaps[] = {"Size:", "Rss:", "Pss:", "Private_Dirty:", "Anonymous:", "Swap:"};
  for (int i = 0; i < 6; i++) form("/proc/self/smaps", smaps[i]);
  form("/proc/self/smaps_rollup", "Rss:");
  form("/proc/self/limits", "Max open files");
  char *maps = get("/proc/self/maps");
  printf("stack %d heap or program %d\n", !!strstr(maps, "[stack]"), !!strstr(maps, "/"));
  mkdir("at", 0755);
  mount("my source", "at", "tmpfs", MS_NOSUID | MS_NODEV, "size=64k,mode=0700");
  maps = get("/proc/self/mounts");
  char *line = strstr(maps, "my\\040source");
  printf("mounts: %.*s\n", line ? (int)strcspn(line, "\n") : 0, line ? line : "");
  maps = get("/proc/self/mountinfo");
  line = strstr(maps, "/tmp/at ");
  printf("mountinfo: %.*s\n", line ? (int)strcspn(line, "\n") : 0, line ? line : "");
  int ends[2];
  pipe(ends);
  close(ends[1]);
  target(ends[0]);
  target(socket(AF_UNIX, SOCK_STREAM, 0));
  target(epoll_create1(0));
  target(eventfd(0, 0));
  target(timerfd_create(CLOCK_MONOTONIC, 0));
  sigset_t set;
  sigemptyset(&set);
  target(signalfd(-1, &set, 0));
  target(inotify_init());
  target(memfd_create("name", 0));
  int fd = open("gone", O_CREAT | O_RDWR | O_CLOEXEC, 0600);
  unlink("gone");
  target(fd);
  fd = open("locked", O_CREAT | O_RDWR | O_APPEND, 0600);
  flock(fd, LOCK_EX);
  struct flock l = {.l_type = F_WRLCK, .l_start = 5, .l_len = 10};
  fcntl(fd, F_SETLK, &l);
  char info[64];
  snprintf(info, sizeof info, "/proc/self/fdinfo/%d", fd);
  form(info, "pos:");
  form(info, "mnt_id:");
  maps = get(info);
  printf("lock in fdinfo %d\n", !!strstr(maps, "FLOCK  ADVISORY  WRITE"));
  maps = get("/proc/locks");
  char mine[32];
  snprintf(mine, sizeof mine, "WRITE %d ", getpid());
  printf("locks %d %d\n", !!strstr(maps, mine), !!strstr(maps, " 5 14\n"));
  char *there[] = {"/proc/sys/kernel/osrelease", "/proc/sys/kernel/hostname", "/proc/sys/kernel/random/boot_id",
                   "/proc/sys/kernel/random/uuid", "/proc/sys/kernel/shmmax", "/proc/sys/kernel/threads-max",
                   "/proc/sys/vm/max_map_count", "/proc/sys/vm/swappiness", "/proc/sys/fs/file-max",
                   "/proc/sys/fs/nr_open", "/proc/sys/fs/pipe-max-size", "/proc/sys/fs/inotify/max_user_watches",
                   "/proc/sys/net/core/somaxconn", "/proc/sys/net/ipv4/ip_local_port_range", "/proc/devices",
                   "/proc/partitions", "/proc/diskstats", "/proc/version", "/proc/cmdline", "/proc/self/environ",
                   "/proc/self/auxv", "/proc/self/comm", "/proc/self/wchan", "/proc/self/oom_score_adj",
                   "/proc/self/cgroup", "/proc/self/mountstats", "/proc/self/net/dev", "/proc/self/ns/mnt",
                   "/proc/self/task", "/proc/self/exe", "/proc/self/root", "/proc/self/cwd", "/sys/class/net/lo/mtu",
                   "/sys/class/net/lo/address", "/sys/devices/system/cpu/online", "/sys/devices/system/cpu/possible",
                   "/sys/devices/system/cpu/cpu0/topology/core_id", "/sys/devices/system/node/node0/cpulist",
                   "/sys/kernel/mm/transparent_hugepage/enabled", "/sys/fs/cgroup", "/sys/block", "/sys/module"};
  for (unsigned i = 0; i < sizeof there / sizeof *there; i++) here(there[i]);
  return 0;
}
