// Workers in control groups of the shares and caps that the arguments name, each as GROUP:FILE=VALUE,… or GROUP alone, with
// as many workers as the group is named; prints for each worker how often it went round, and the use of each group.
#include "../cgroups/cgroup.h"

int main(int count, char **words) {
  volatile long *rounds = mmap(0, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  int time = atoi(words[1]);
  struct sched_param first = {1};
  sched_setscheduler(0, SCHED_FIFO | SCHED_RESET_ON_FORK, &first);
  put(CG "cgroup.subtree_control", "+cpu");
  for (int n = 2; n < count; n++) {
    char path[256], *group = strtok(words[n], ":");
    sprintf(path, CG "%s", group);
    for (char *slash = path + strlen(CG); (slash = strchr(slash, '/')); *slash++ = '/') {
      char control[300];
      *slash = 0;
      mkdir(path, 0755);
      sprintf(control, "%s/cgroup.subtree_control", path);
      put(control, "+cpu");
    }
    mkdir(path, 0755);
    for (char *setting; (setting = strtok(0, "="));) {
      char file[300], *text = strtok(0, ",");
      sprintf(file, "%s/%s", path, setting);
      for (char *at = text; *at; at++) if (*at == '_') *at = ' ';
      int failed = put(file, text);
      if (failed) printf("%s: %s\n", file, strerrorname_np(failed));
    }
    if (fork() == 0) {
      char file[300];
      sprintf(file, "%s/cgroup.procs", path);
      put(file, "0");
      for (;;) {
        work();
        rounds[n]++;
      }
    }
    words[n] = strdup(path);
  }
  milliseconds(time);
  for (int n = 2; n < count; n++) printf("rounds %ld\n", rounds[n]);
  for (int n = 2; n < count; n++) {
    char file[300];
    sprintf(file, "%s/cpu.stat", words[n]);
    printf("usage %ld %ld %ld\n", value(file, "usage_usec"), value(file, "nr_periods"), value(file, "nr_throttled"));
  }
  put(CG "cgroup.kill", "1");
  return 0;
}
