// Integer types of known width, and what the C library would have in stddef.h, stdbool.h and stdarg.h.
#pragma once

typedef unsigned char u8;
typedef unsigned short u16;
typedef unsigned int u32;
typedef unsigned long long u64;
typedef int i32;
typedef long long i64;
typedef unsigned long size_t;

#define NULL ((void *)0)
#define bool _Bool
#define true 1
#define false 0
#define COUNT(array) (sizeof(array) / sizeof *(array))

typedef __builtin_va_list va_list;
#define va_start __builtin_va_start
#define va_arg __builtin_va_arg
#define va_end __builtin_va_end
#define va_copy __builtin_va_copy
