// Who answers on ports and addresses.
import { describe, expect, it } from 'vitest';
import { Bus, BusOverlapError } from './bus.ts';
import type { AccessSize } from './bus.ts';

class Recorder {
  readonly log: string[] = [];
  read(offset: number, size: AccessSize): number {
    this.log.push(`read ${offset} ${size}`);
    return 0x11223344;
  }
  write(offset: number, size: AccessSize, value: number): void {
    this.log.push(`write ${offset} ${size} ${value.toString(16)}`);
  }
}

describe('Bus', () => {
  it('gives a device offsets, not addresses', () => {
    const bus = new Bus();
    const device = new Recorder();
    bus.mapPorts(0x3f8, 8, device, 'device');
    bus.mapMemory(0xfee00000, 0x1000, device, 'device');
    bus.portWrite(0x3fb, 1, 0x180);
    expect(bus.mmioRead(0xfee00010, 4)).toBe(0x11223344);
    expect(device.log).toEqual(['write 3 1 80', 'read 16 4']);
  });

  it('answers all ones where nobody is', () => {
    const bus = new Bus();
    expect([bus.portRead(0x10, 1), bus.portRead(0x10, 2), bus.portRead(0x10, 4)]).toEqual([0xff, 0xffff, 0xffffffff]);
    expect(bus.mmioRead(0xf0000000, 4)).toBe(0xffffffff);
    bus.portWrite(0x10, 4, 1);
    bus.mmioWrite(0xf0000000, 4, 1);
  });

  it('refuses two devices at one address and says who is there', () => {
    const bus = new Bus();
    bus.mapPorts(0x40, 4, new Recorder(), 'timer');
    bus.mapMemory(0x1000, 0x1000, new Recorder(), 'registers');
    expect(() => bus.mapPorts(0x43, 1, new Recorder(), 'other')).toThrow(BusOverlapError);
    expect(() => bus.mapPorts(0x43, 1, new Recorder(), 'other')).toThrow('port 0x43 belongs to timer');
    expect(() => bus.mapMemory(0x1fff, 2, new Recorder(), 'other')).toThrow('overlaps registers');
  });

  it('splits an access that no single device owns', () => {
    const bus = new Bus();
    const device = new Recorder();
    bus.mapPorts(0x61, 1, device, 'one port');
    expect(bus.portRead(0x60, 2)).toBe(0x44ff);
    bus.portWrite(0x60, 4, 0xaabbccdd);
    expect(device.log).toEqual(['read 0 1', 'write 0 1 cc']);
  });
});
