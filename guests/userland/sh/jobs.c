// Jobs: processes that were started together, and who has the terminal (POSIX, "Job Control"; jobs, fg, bg, wait, kill).
#include "sh.h"

static struct job *jobs;
static int terminal = -1, own_group;
bool is_subshell;

struct job *make_job(int count, const char *text) {
  struct job *job = allocate(sizeof *job + count * sizeof(struct process));
  *job = (struct job){.text = copy_string(text)};
  return job;
}

static void remove_job(struct job *job) {
  for (struct job **at = &jobs; *at != NULL; at = &(*at)->next) {
    if (*at == job) {
      *at = job->next;
      break;
    }
  }
  release(job->text);
  release(job);
}

static const int job_signals[] = {SIGINT, SIGQUIT, SIGTSTP, SIGTTIN, SIGTTOU, SIGTERM};

int fork_process(struct job *job, bool in_front) {
  flush(&out);
  int pid = fork();
  if (pid < 0) {
    fail(pid, "cannot fork");
    return pid;
  }
  bool control = options.job_control && terminal >= 0;
  if (pid == 0) {
    if (control) {
      setpgid(0, job->group);
      if (in_front) set_foreground(terminal, job->group == 0 ? getpid() : job->group);
    }
    if (options.interactive && !is_subshell) {
      for (u32 i = 0; i < COUNT(job_signals); i++) set_signal(job_signals[i], SIG_DFL, 0);
    }
    reset_traps();
    is_subshell = true;
    jobs = NULL;
    return 0;
  }
  if (control) {
    setpgid(pid, job->group);
    if (in_front) set_foreground(terminal, job->group == 0 ? pid : job->group);
  }
  if (job->group == 0) job->group = pid;
  job->processes[job->count++] = (struct process){.pid = pid};
  return pid;
}

static bool has_ended(struct job *job) {
  for (int i = 0; i < job->count; i++) {
    if (!job->processes[i].ended) return false;
  }
  return true;
}

static bool is_stopped(struct job *job) {
  bool stopped = false;
  for (int i = 0; i < job->count; i++) {
    if (!job->processes[i].ended && !job->processes[i].stopped) return false;
    stopped |= job->processes[i].stopped;
  }
  return stopped;
}

static int status_of(struct job *job) {
  int status = job->processes[job->count - 1].status;
  if (WIFEXITED(status)) return WEXITSTATUS(status);
  return 128 + (WIFSTOPPED(status) ? WEXITSTATUS(status) : WTERMSIG(status));
}

static bool note_in(struct job *job, int pid, int status) {
  for (int i = 0; i < job->count; i++) {
    struct process *process = &job->processes[i];
    if (process->pid != pid || process->ended) continue;
    if (!WIFCONTINUED(status)) process->status = status;
    process->stopped = WIFSTOPPED(status);
    process->ended = WIFEXITED(status) || WIFSIGNALED(status);
    job->changed = true;
    return true;
  }
  return false;
}

// Enters what wait(2) told. A job in the foreground is not in the list.
static void note(struct job *in_front, int pid, int status) {
  if (in_front != NULL && note_in(in_front, pid, status)) return;
  for (struct job *job = jobs; job != NULL; job = job->next) {
    if (note_in(job, pid, status)) return;
  }
}

static void list_job(struct job *job) {
  if (job->number != 0) return;
  int number = 1;
  struct job **last = &jobs;
  for (; *last != NULL; last = &(*last)->next) {
    if ((*last)->number >= number) number = (*last)->number + 1;
  }
  job->number = number;
  *last = job;
}

void add_background(struct job *job) {
  list_job(job);
  if (options.interactive && !is_subshell) {
    struct stream message = {.fd = 2};
    print_to(&message, "[%d] %d\n", job->number, job->processes[job->count - 1].pid);
    flush(&message);
  }
}

static void say_killed(struct job *job) {
  int status = job->processes[job->count - 1].status, number = WTERMSIG(status);
  if (!WIFSIGNALED(status) || number == SIGPIPE) return;
  struct stream message = {.fd = 2};
  if (number == SIGINT) {
    if (options.interactive) put_char(&message, '\n');
  } else {
    print_to(&message, "%s%s\n", signal_text(number), status & 0x80 ? " (core dumped)" : "");
  }
  flush(&message);
}

static char marker(struct job *job) {
  struct job *current = NULL, *previous = NULL;
  for (struct job *at = jobs; at != NULL; at = at->next) {
    previous = current;
    current = at;
  }
  return job == current ? '+' : job == previous ? '-' : ' ';
}

static void describe(struct job *job, bool with_pid) {
  char state[40];
  int status = job->processes[job->count - 1].status;
  if (is_stopped(job)) format_text(state, sizeof state, "Stopped");
  else if (!has_ended(job)) format_text(state, sizeof state, "Running");
  else if (WIFSIGNALED(status)) format_text(state, sizeof state, "%s", signal_text(WTERMSIG(status)));
  else if (status_of(job) == 0) format_text(state, sizeof state, "Done");
  else format_text(state, sizeof state, "Done(%d)", status_of(job));
  print("[%d] %c ", job->number, marker(job));
  if (with_pid) print("%d ", job->group);
  print("%-26s %s\n", state, job->text);
}

int wait_job(struct job *job) {
  while (!has_ended(job) && !is_stopped(job)) {
    int status, pid = wait_for(-1, &status, options.job_control ? WUNTRACED : 0);
    if (pid == -EINTR) continue;
    if (pid < 0) break;
    note(job, pid, status);
  }
  if (options.job_control && terminal >= 0) set_foreground(terminal, own_group);
  int result = job->count == 0 ? 2 : status_of(job);
  if (is_stopped(job)) {
    list_job(job);
      print("\n");
    describe(job, false);
    flush(&out);
    job->changed = false;
    return result;
  }
  if (job->count > 0) say_killed(job);
  remove_job(job);
  // an interrupt meant for the program stops loops of the shell as well
  if (result == 128 + SIGINT && options.interactive && !is_subshell) flow = ABORT;
  return result;
}

static void collect(void) {
  int status, pid;
  while ((pid = wait_for(-1, &status, WNOHANG | WUNTRACED | WCONTINUED)) > 0) note(NULL, pid, status);
}

void report_jobs(void) {
  collect();
  for (struct job *job = jobs, *next; job != NULL; job = next) {
    next = job->next;
    if (job->changed && (has_ended(job) || is_stopped(job))) describe(job, false);
    job->changed = false;
    if (has_ended(job)) remove_job(job);
  }
  flush(&out);
}

void start_job_control(void) {
  terminal = CALL3(fcntl, 2, F_DUPFD_CLOEXEC, 10);
  own_group = getpgid(0);
  if (terminal < 0 || foreground(terminal) < 0) {
    options.job_control = false;
    terminal = -1;
    return;
  }
  while (foreground(terminal) != own_group) {
    kill(0, SIGTTIN);
    own_group = getpgid(0);
  }
  for (u32 i = 2; i < 5; i++) set_signal(job_signals[i], SIG_IGN, 0);
  if (setpgid(0, 0) == 0) own_group = getpgid(0);
  set_foreground(terminal, own_group);
}

void end_job_control(void) {
  options.job_control = false;
}

// %1, %+, %%, %-, %text; a message and NULL when there is none.
static struct job *find_job(const char *text) {
  i64 number;
  struct job *last = NULL;
  bool wanted_current = text == NULL || equal(text, "%%") || equal(text, "%+") || equal(text, "%");
  for (struct job *job = jobs; job != NULL; job = job->next) {
    last = job;
    if (wanted_current) continue;
    if (parse_number(text + 1, 10, &number) ? job->number == number : after(job->text, text + 1) != NULL) return job;
    if (equal(text, "%-") && marker(job) == '-') return job;
  }
  if (wanted_current && last != NULL) return last;
  warn("%s: no such job", text == NULL ? "current" : text);
  return NULL;
}

int jobs_builtin(int argc, char **argv) {
  bool groups = false, details = false;
  struct options given = OPTIONS("lp");
  for (int c; (c = next_option(&given)) != 0;) *(c == 'p' ? &groups : &details) = true;
  collect();
  for (struct job *job = jobs, *next; job != NULL; job = next) {
    next = job->next;
    if (given.at < argc && job != find_job(argv[given.at])) continue;
    if (groups) print("%d\n", job->group);
    else describe(job, details);
    job->changed = false;
    if (has_ended(job)) remove_job(job);
  }
  return 0;
}

static void go_on(struct job *job) {
  for (int i = 0; i < job->count; i++) job->processes[i].stopped = false;
  kill(-job->group, SIGCONT);
}

int fg_builtin(int argc, char **argv) {
  struct job *job = find_job(argc > 1 ? argv[1] : NULL);
  if (job == NULL) return 1;
  print("%s\n", job->text);
  flush(&out);
  if (terminal >= 0) set_foreground(terminal, job->group);
  go_on(job);
  return wait_job(job);
}

int bg_builtin(int argc, char **argv) {
  struct job *job = find_job(argc > 1 ? argv[1] : NULL);
  if (job == NULL) return 1;
  print("[%d] %s\n", job->number, job->text);
  go_on(job);
  return 0;
}

// Until a job ends; 128 and more when a trapped signal came first.
static int wait_until_ended(struct job *job) {
  while (!has_ended(job)) {
    int status, pid = wait_for(-1, &status, 0);
    if (pid == -EINTR && trap_pending()) return 128 + SIGCHLD;
    if (pid < 0 && pid != -EINTR) break;
    if (pid > 0) note(NULL, pid, status);
  }
  int result = status_of(job);
  remove_job(job);
  return result;
}

int wait_builtin(int argc, char **argv) {
  int result = 0;
  if (argc == 1) {
    while (jobs != NULL && !trap_pending()) wait_until_ended(jobs);
    return 0;
  }
  for (int i = 1; i < argc; i++) {
    i64 pid;
    struct job *job = jobs;
    if (argv[i][0] == '%') {
      job = find_job(argv[i]);
    } else if (parse_number(argv[i], 10, &pid)) {
      while (job != NULL && job->processes[job->count - 1].pid != pid) job = job->next;
    } else {
      warn("wait: %s: not a process", argv[i]);
      job = NULL;
    }
    result = job == NULL ? 127 : wait_until_ended(job);
  }
  return result;
}

// kill(1) that knows jobs: they become process groups.
int kill_builtin(int argc, char **argv) {
  for (int i = 1; i < argc; i++) {
    if (argv[i][0] != '%') continue;
    struct job *job = find_job(argv[i]);
    if (job == NULL) return 1;
    argv[i] = format_text(arena_allocate(&temporary, 16), 16, "-%d", job->group);
    if (is_stopped(job)) kill(-job->group, SIGCONT);
  }
  return kill_main(argc, argv);
}
