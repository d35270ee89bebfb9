// Assembly's share of the paravirt-ops layer: how a handler leaves through its stack frame.
#pragma once
#ifdef PARAVIRTUAL
#define PV_KERNEL_DS 0xe021
#define PV_KERNEL_CS 0xe019
#define PV_USER_CS 0xe02b
#define PV_USER_DS 0xe033
// pv_iret (xen-entry, pv-xen) takes the frame eip, cs, eflags [, esp, ss] at the top of the stack.
#define PV_IRET jmp pv_iret
#else
#define PV_KERNEL_DS 0x10
#define PV_KERNEL_CS 0x08
#define PV_USER_CS 0x1b
#define PV_USER_DS 0x23
#define PV_IRET iret
#endif
