// What the core asks of its host: devices, interrupt acknowledge, and the report of what this version does not have.

// @ts-ignore: decorator
@external('env', 'portRead')
export declare function portRead(port: u32, size: u32): u32;
// @ts-ignore: decorator
@external('env', 'portWrite')
export declare function portWrite(port: u32, size: u32, value: u32): void;
// @ts-ignore: decorator
@external('env', 'mmioRead')
export declare function mmioRead(addressLow: u32, addressHigh: u32, size: u32): u32;
// @ts-ignore: decorator
@external('env', 'mmioWrite')
export declare function mmioWrite(addressLow: u32, addressHigh: u32, size: u32, value: u32): void;
// @ts-ignore: decorator
@external('env', 'interruptAcknowledge')
export declare function interruptAcknowledge(): u32;
// @ts-ignore: decorator
@external('env', 'notSupported')
export declare function notSupported(what: u32, argument: u32): void;
/** Level of the FERR# pin. */
// @ts-ignore: decorator
@external('env', 'floatingPointError')
export declare function floatingPointError(level: u32): void;
/** IA32_APIC_BASE changed the mode: 0 disabled, 1 xAPIC, 2 x2APIC. */
// @ts-ignore: decorator
@external('env', 'localApicMode')
export declare function localApicMode(mode: u32): void;
/** A register of the local APIC, by its offset in xAPIC mode. */
// @ts-ignore: decorator
@external('env', 'localApicRead')
export declare function localApicRead(register: u32): u32;
/** WRMSR to a register in x2APIC mode; 0 when it cannot be written so. */
// @ts-ignore: decorator
@external('env', 'localApicWrite')
export declare function localApicWrite(register: u32, low: u32, high: u32): u32;
/** The timer is to fire at a cycle count, never for a negative one; 0 when it does not wait for it. */
// @ts-ignore: decorator
@external('env', 'localApicDeadline')
export declare function localApicDeadline(cycles: f64): u32;
