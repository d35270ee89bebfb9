// Threads: clone(2) as pthread_create uses it, futexes, thread-local storage, condition variables, signals to a thread.
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t turn_changed = PTHREAD_COND_INITIALIZER;
static int turn;
static long counter;
static __thread long own;
static pthread_barrier_t barrier;

static void *count(void *argument) {
  for (int i = 0; i < 20000; i++) {
    pthread_mutex_lock(&lock);
    counter++;
    pthread_mutex_unlock(&lock);
    own++;
  }
  pthread_barrier_wait(&barrier);
  return (void *)(own + (long)argument);
}

static void *ping(void *argument) {
  int me = (int)(long)argument;
  for (int i = 0; i < 100; i++) {
    pthread_mutex_lock(&lock);
    while (turn % 2 != me) pthread_cond_wait(&turn_changed, &lock);
    turn++;
    pthread_cond_broadcast(&turn_changed);
    pthread_mutex_unlock(&lock);
  }
  return NULL;
}

static volatile sig_atomic_t got;
static pthread_t target;
static void handler(int signal) {
  got = pthread_equal(pthread_self(), target) ? signal : -1;
}

static void *waiter(void *argument) {
  while (!got) usleep(1000);
  return argument;
}

int main(void) {
  pthread_t threads[8];
  pthread_barrier_init(&barrier, NULL, 8);
  for (long i = 0; i < 8; i++) pthread_create(&threads[i], NULL, count, (void *)i);
  for (int i = 0; i < 8; i++) {
    void *value;
    pthread_join(threads[i], &value);
    printf("thread %d: %ld\n", i, (long)value);
  }
  printf("counter %ld own %ld\n", counter, own);
  for (long i = 0; i < 2; i++) pthread_create(&threads[i], NULL, ping, (void *)i);
  for (int i = 0; i < 2; i++) pthread_join(threads[i], NULL);
  printf("turns %d\n", turn);
  signal(SIGUSR1, handler);
  pthread_create(&target, NULL, waiter, "done");
  pthread_kill(target, SIGUSR1);
  void *value;
  pthread_join(target, &value);
  printf("signal to the thread: %d %s\n", got == SIGUSR1, (char *)value);
  pthread_mutex_lock(&lock);
  struct timespec soon;
  clock_gettime(CLOCK_REALTIME, &soon);
  soon.tv_nsec += 5000000;
  if (soon.tv_nsec >= 1000000000) {
    soon.tv_nsec -= 1000000000;
    soon.tv_sec++;
  }
  printf("timed out: %s\n", strerror(pthread_cond_timedwait(&turn_changed, &lock, &soon)));
  pthread_mutex_unlock(&lock);
  return 0;
}
