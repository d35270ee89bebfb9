// The I/O address space and the memory addresses that are not RAM. Devices see offsets only and do not know where they
// are; two devices never share an address; nobody home reads as all ones (SDM Vol. 1 "Input/Output").

/** Width of one bus access in bytes. */
export type AccessSize = 1 | 2 | 4;

/** A chip reached through I/O ports. */
export interface PortDevice {
  read(offset: number, size: AccessSize): number;
  write(offset: number, size: AccessSize, value: number): void;
}

/** A chip reached through memory addresses. */
export interface MmioDevice {
  read(offset: number, size: AccessSize): number;
  write(offset: number, size: AccessSize, value: number): void;
}

/** One mapping, for `info` listings. */
export interface Mapping {
  readonly name: string;
  readonly base: number;
  readonly length: number;
}

/** Two devices wanted the same addresses. */
export class BusOverlapError extends Error {
  override readonly name = 'BusOverlapError';
}

interface PortMapping extends Mapping {
  readonly device: PortDevice;
}

interface MemoryMapping extends Mapping {
  readonly device: MmioDevice;
}

const PORTS = 0x10000;
const NO_MAPPING = 0;

function allOnes(size: AccessSize): number {
  return size === 4 ? 0xffffffff : size === 2 ? 0xffff : 0xff;
}

function hex(value: number): string {
  return `0x${value.toString(16)}`;
}

/** Ports and memory-mapped registers. RAM is not on this bus: the CPU core reaches it directly. */
export class Bus {
  readonly #ports: PortMapping[] = [];
  /** Index into #ports + 1 for every port: an access costs one lookup. */
  readonly #portOwner = new Uint8Array(PORTS);
  readonly #memory: MemoryMapping[] = [];

  /** Gives `device` the ports [base, base + length). */
  mapPorts(base: number, length: number, device: PortDevice, name: string): void {
    for (let port = base; port < base + length; port++) {
      const owner = this.#portOwner[port];
      if (owner === undefined) throw new RangeError(`${name}: port ${hex(port)} does not exist`);
      if (owner !== NO_MAPPING) {
        throw new BusOverlapError(`${name}: port ${hex(port)} belongs to ${this.#ports[owner - 1]!.name}`);
      }
    }
    this.#ports.push({ base, length, device, name });
    this.#portOwner.fill(this.#ports.length, base, base + length);
  }

  /** Gives `device` the physical addresses [base, base + length). */
  mapMemory(base: number, length: number, device: MmioDevice, name: string): void {
    const taken = this.#memory.find((other) => base < other.base + other.length && other.base < base + length);
    if (taken !== undefined) {
      throw new BusOverlapError(`${name}: memory at ${hex(base)} overlaps ${taken.name} at ${hex(taken.base)}`);
    }
    this.#memory.push({ base, length, device, name });
  }

  /** IN. A device is asked for the whole width only if it owns all of it; else the bytes are read one by one. */
  portRead(port: number, size: AccessSize): number {
    const mapping = this.#portMapping(port, size);
    if (mapping !== undefined) return (mapping.device.read(port - mapping.base, size) & allOnes(size)) >>> 0;
    if (size === 1) return 0xff;
    const half = (size >> 1) as AccessSize;
    const low = this.portRead(port, half);
    return low + this.portRead((port + half) & 0xffff, half) * 2 ** (8 * half);
  }

  /** OUT. */
  portWrite(port: number, size: AccessSize, value: number): void {
    const mapping = this.#portMapping(port, size);
    if (mapping !== undefined) {
      mapping.device.write(port - mapping.base, size, (value & allOnes(size)) >>> 0);
      return;
    }
    if (size === 1) return;
    const half = (size >> 1) as AccessSize;
    this.portWrite(port, half, value & allOnes(half));
    this.portWrite((port + half) & 0xffff, half, value >>> (8 * half));
  }

  /** A load from a physical address that is not RAM. */
  mmioRead(address: number, size: AccessSize): number {
    const mapping = this.#memoryMapping(address, size);
    return mapping === undefined
      ? allOnes(size)
      : (mapping.device.read(address - mapping.base, size) & allOnes(size)) >>> 0;
  }

  /** A store to a physical address that is not RAM. */
  mmioWrite(address: number, size: AccessSize, value: number): void {
    const mapping = this.#memoryMapping(address, size);
    mapping?.device.write(address - mapping.base, size, (value & allOnes(size)) >>> 0);
  }

  /** Who owns `port`, undefined for nobody. */
  portOwner(port: number): string | undefined {
    return this.#portMapping(port, 1)?.name;
  }

  /** All mappings, for listings. */
  get ports(): readonly Mapping[] {
    return this.#ports;
  }

  get memory(): readonly Mapping[] {
    return this.#memory;
  }

  #portMapping(port: number, size: AccessSize): PortMapping | undefined {
    const owner = this.#portOwner[port];
    if (owner === undefined || owner === NO_MAPPING) return undefined;
    const mapping = this.#ports[owner - 1]!;
    return port + size <= mapping.base + mapping.length ? mapping : undefined;
  }

  #memoryMapping(address: number, size: AccessSize): MemoryMapping | undefined {
    for (const mapping of this.#memory) {
      if (address >= mapping.base && address + size <= mapping.base + mapping.length) return mapping;
    }
    return undefined;
  }
}
