// What C and assembly of this guest share.
#define TRAMPOLINE 0x8000
#define STACK_SIZE 4096
#define MOST_PROCESSORS 8
#define LAPIC 0xfee00000
#define LAPIC_ID 0x020
#define CODE_SELECTOR 0x08
#define DATA_SELECTOR 0x10
