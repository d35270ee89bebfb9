// The C library's memory and string functions that guests use (GCC may also call them by itself).
#pragma once
#include "types.h"

void *memset(void *to, int value, u32 count);
void *memcpy(void *to, const void *from, u32 count);
void *memmove(void *to, const void *from, u32 count);
int memcmp(const void *a, const void *b, u32 count);
u32 strlen(const char *s);
int strcmp(const char *a, const char *b);
int strncmp(const char *a, const char *b, u32 count);
u32 parse_number(const char *s); // decimal or 0x…
