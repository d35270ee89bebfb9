// A small shell for the tests of recordings: lists and shows files, and does work in children.
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static void list(const char *path) {
  DIR *directory = opendir(path);
  struct dirent *entry;
  while (directory && (entry = readdir(directory))) printf("%s\n", entry->d_name);
}

static void show(const char *path) {
  FILE *file = fopen(path, "r");
  for (int byte; file && (byte = getc(file)) != EOF;) putchar(byte);
}

int main(void) {
  char line[200];
  setbuf(stdout, NULL);
  printf("$ ");
  while (fgets(line, sizeof line, stdin)) {
    line[strcspn(line, "\n")] = 0;
    if (!strncmp(line, "ls ", 3)) list(line + 3);
    else if (!strncmp(line, "cat ", 4)) show(line + 4);
    else if (fork() == 0) {
      unsigned sum = 0;
      for (volatile unsigned n = 0; n < 100000; n++) sum += n;
      printf("%s %u %ld\n", line, sum, (long)time(NULL));
      exit(0);
    }
    wait(NULL);
    printf("$ ");
  }
  return 3;
}
