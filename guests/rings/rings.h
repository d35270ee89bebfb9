// What the assembly and the C part of the rings guest agree on: selectors and the recorded fault.
#pragma once

#define CODE(ring) (0x08 + (ring) * 0x10 + (ring))
#define DATA(ring) (0x10 + (ring) * 0x10 + (ring))
#define SEL_TSS 0x48
#define SEL_LDT 0x50
#define SEL_CONFORMING 0x58
#define SEL_SMALL 0x60       // data, 4 KiB, DPL 3
#define SEL_ABSENT_DATA 0x68 // data, DPL 3, not present
#define SEL_READ_ONLY 0x70
#define SEL_EXECUTE_ONLY 0x78
#define SEL_EXPAND_DOWN 0x80
#define SEL_ABSENT_CODE 0x88  // code, DPL 3, not present
#define SEL_SMALL_CODE 0x90   // code, DPL 3, limit 0xfff
#define GATE_EXIT 0x98        // DPL 3, to ring 0: ends a test
#define GATE_TO_1 0xa0        // DPL 3, to ring 1
#define GATE_TO_2 0xa8        // DPL 3, to ring 2
#define GATE_TO_0 0xb0        // DPL 3, to ring 0: the walk
#define GATE_PRIVATE 0xb8     // DPL 0
#define GATE_ABSENT 0xc0      // DPL 3, not present
#define GATE_PARAMETERS 0xc8  // DPL 3, to ring 0, two parameters
#define GATE_TO_DATA 0xd0     // DPL 3, to a data segment
#define SEL_ABSENT_STACK 0xd8 // data, DPL 1, not present
#define SEL_ABSENT_STACK1 0xd9
#define SEL_BEYOND 0x1f8 // outside the GDT
