// The system-call interface of tinyos: INT 0x80, number in EAX, arguments in EBX, ECX, EDX, result in EAX (-1: error).
// Also where a program lives.
#pragma once

#define SYS_EXIT 1
#define SYS_FORK 2
#define SYS_READ 3
#define SYS_WRITE 4
#define SYS_CLOSE 6
#define SYS_WAIT 7
#define SYS_EXEC 11
#define SYS_GETPID 20
#define SYS_YIELD 24
#define SYS_KILL 37
#define SYS_DUP 41
#define SYS_PIPE 42
#define SYS_TICKS 43
#define SYS_SBRK 45
#define SYS_SLEEP 162
#define SYS_PROCESSES 200
#define SYS_FREE_PAGES 201

// Lowest address of a Linux program, behind all that the kernel maps.
#define LINUX_BASE 0x01000000
#define USER_BASE 0x40000000
#define USER_HEAP_END 0x48000000
#define USER_STACK_BOTTOM 0x4fff0000
#define USER_END 0x50000000

#define USER_MAGIC 0x676f7250
#define MAX_ARGUMENTS 8
#define MAX_NAME 16
// Exit status of a process that a fault or kill() ended.
#define STATUS_KILLED 256

#ifndef __ASSEMBLER__
// Start of the user image: one image holds all programs, which entry() tells apart by argv[0].
struct user_header {
  unsigned int magic, entry, text_size, image_size, memory_size;
  const char *names; // of all programs, each followed by a zero, and an empty one
};

struct process_info {
  int pid, parent;
  char state, name[MAX_NAME];
};
#endif
