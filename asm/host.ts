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
/** IA32_APIC_BASE.EN changed. */
// @ts-ignore: decorator
@external('env', 'localApicEnable')
export declare function localApicEnable(enabled: u32): void;
