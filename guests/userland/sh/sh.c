// The shell's beginning: options, where commands come from, and its end.
#include "sh.h"

static void take_environment(void) {
  char directory[4096];
  for (char **setting = environment; *setting != NULL; setting++) {
    size_t length = name_length(*setting);
    if (length > 0 && (*setting)[length] == '=') assign(*setting, true);
  }
  set_variable("IFS", " \t\n");
  find_variable("IFS")->exported = false;
  set_variable("PS2", "> ");
  set_variable("PS4", "+ ");
  set_variable("OPTIND", "1");
  if (get_variable("PATH") == NULL) set_variable("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin");
  if (get_directory(directory, sizeof directory) > 0) set_variable("PWD", directory);
  format_text(directory, sizeof directory, "%d", getppid());
  set_variable("PPID", directory);
}

static int finish(void) {
  run_exit_trap();
  return last_status;
}

static int run_interactive(bool login) {
  struct source source = {.fd = 0, .line = 1, .interactive = true};
  text_add(&source.text, "", 0);
  if (get_variable("PS1") == NULL) set_variable("PS1", geteuid() == 0 ? "# " : "$ ");
  catch_interrupts();
  options.job_control = true;
  start_job_control();
  if (login && access("/etc/profile", R_OK) == 0) run_file("/etc/profile");
  flow = flow == EXIT ? EXIT : NORMAL;
  while (flow != EXIT && !source.ended) {
    flow = NORMAL;
    run_source(&source, false);
  }
  if (source.ended && flow != EXIT) write_all(2, "\n", 1);
  return finish();
}

int sh_main(int argc, char **argv) {
  bool any = false, command = false, input = false, login = argv[0][0] == '-';
  program = base_name(argv[0]) + login;
  shell_name = argv[0];
  shell_pid = getpid();
  take_environment();
  int at = 1;
  while (at < argc && (at = set_options(argc, argv, at, &any)) < argc && !any) {
    // -c and -s may be among others
    if (argv[at][0] != '-' || argv[at][1] == 0) break;
    char *letters = copy_string(argv[at]), *end = letters + 1;
    for (const char *letter = argv[at] + 1; *letter != 0; letter++) {
      if (*letter == 'c') command = true;
      else if (*letter == 's') input = true;
      else if (*letter == 'l') login = true;
      else *end++ = *letter;
    }
    *end = 0;
    char *rest[] = {letters};
    if (letters[1] != 0) set_options(1, rest, 0, &any);
    at++;
    if (command) break;
  }
  struct source source = {.fd = 0, .line = 1};
  text_add(&source.text, "", 0);
  if (command) {
    if (at >= argc) die(2, "-c requires an argument");
    text_string(&source.text, argv[at++]);
    source.fd = -1;
    if (at < argc) shell_name = argv[at++];
  } else if (at < argc && !input) {
    shell_name = argv[at++];
    positional = (struct parameters){argv + at, argc - at};
    run_file(shell_name);
    return finish();
  }
  positional = (struct parameters){argv + at, argc - at};
  if (!command && (options.interactive || (is_terminal(0) && is_terminal(2)))) {
    options.interactive = true;
    return run_interactive(login);
  }
  run_source(&source, true);
  return finish();
}
