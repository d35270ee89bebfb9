// A program with an interpreter: relocation, constructors, thread-local storage of libraries, threads, dlopen(3), the
// auxiliary vector (getauxval(3)).
#include <dlfcn.h>
#include <elf.h>
#include <errno.h>
#include <link.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <unistd.h>

static __thread int own = 5;
static int constructed;
__attribute__((constructor)) static void construct(void) { constructed = 1; }
__attribute__((destructor)) static void destruct(void) { write(1, "destructed\n", 11); }

static void *run(void *argument) {
  own += (int)(long)argument;
  errno = ERANGE;
  return (void *)(long)own;
}

static int objects;
static int count(struct dl_phdr_info *info, size_t size, void *data) {
  objects++;
  return 0;
}

static void handler(int signal) { printf("signal %d\n", signal == SIGUSR1); }

int main(int argc, char **argv) {
  printf("constructed %d\n", constructed);
  printf("headers %d %d\n", getauxval(AT_PHDR) != 0, (int)getauxval(AT_PHENT) == sizeof(ElfW(Phdr)));
  printf("interpreter %d entry %d\n", getauxval(AT_BASE) != 0, getauxval(AT_ENTRY) != 0);
  printf("random %d page %ld secure %ld\n", getauxval(AT_RANDOM) != 0, getauxval(AT_PAGESZ), getauxval(AT_SECURE));
  printf("platform %c name %s\n", ((char *)getauxval(AT_PLATFORM))[0], strrchr((char *)getauxval(AT_EXECFN), '/') ? "ok" : "?");
  pthread_t threads[4];
  for (long n = 0; n < 4; n++) pthread_create(&threads[n], NULL, run, (void *)n);
  for (int n = 0; n < 4; n++) {
    void *value;
    pthread_join(threads[n], &value);
    printf("thread %d %ld\n", n, (long)value);
  }
  printf("own %d\n", own);
  void *library = dlopen("libm.so.6", RTLD_NOW);
  if (!library) return printf("%s\n", dlerror()), 1;
  double (*cosine)(double) = (double (*)(double))dlsym(library, "cos");
  printf("cos %.3f\n", cosine(1.0));
  printf("missing %d\n", dlsym(library, "no_such_symbol") == NULL);
  dl_iterate_phdr(count, NULL);
  printf("objects %d\n", objects >= 3);
  signal(SIGUSR1, handler);
  raise(SIGUSR1);
  char *big = malloc(1 << 20);
  memset(big, 7, 1 << 20);
  printf("heap %d\n", big[12345]);
  setenv("X", "y", 1);
  printf("environment %s\n", getenv("X"));
  fflush(stdout);
  return 7;
}
