// Addresses the C and the assembly part of nanobench agree on.
#pragma once
#define USER_CODE 0x40000000
#define USER_STACK 0x40002000 // top of the page after the code
#define ABSENT_PAGE 0x40003000
#define PTE_REGION 0x50000000 // 8 MiB whose page tables the ptemod benchmarks write
#define VECTOR_LEAVE 0x81
