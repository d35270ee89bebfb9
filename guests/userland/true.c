// true(1) and false(1).
#include "main.h"

int true_main(int argc, char **argv) {
  (void)argc, (void)argv;
  return 0;
}

int false_main(int argc, char **argv) {
  (void)argc, (void)argv;
  return 1;
}
