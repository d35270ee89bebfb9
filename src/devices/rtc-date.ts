// The date as the registers of an MC146818A hold it: BCD or binary, 12 or 24 hours, with the PC's century byte.
// Truth: Motorola MC146818A data sheet, "Time, Calendar, and Alarm Locations".

const SECONDS = 0x00;
const SECONDS_ALARM = 0x01;
const MINUTES = 0x02;
const MINUTES_ALARM = 0x03;
const HOURS = 0x04;
const HOURS_ALARM = 0x05;
const DAY_OF_WEEK = 0x06;
const DAY_OF_MONTH = 0x07;
const MONTH = 0x08;
const YEAR = 0x09;
const CENTURY = 0x32;
const REGISTER_B = 0x0b;
const B_BINARY = 0x04;
const B_24_HOURS = 0x02;
const AFTERNOON = 0x80;
/** An alarm byte with both top bits set matches every value. */
const DO_NOT_CARE = 0xc0;

/** Registers that follow the clock. The day of the week follows from the date and cannot be set. */
export const RTC_TIME_REGISTERS: readonly number[] = [
  SECONDS,
  MINUTES,
  HOURS,
  DAY_OF_WEEK,
  DAY_OF_MONTH,
  MONTH,
  YEAR,
  CENTURY,
];

function encode(value: number, control: number): number {
  return (control & B_BINARY) !== 0 ? value : (Math.floor(value / 10) << 4) | (value % 10);
}

function decode(value: number, control: number): number {
  return (control & B_BINARY) !== 0 ? value : (value >> 4) * 10 + (value & 15);
}

function encodeHours(hours: number, control: number): number {
  if ((control & B_24_HOURS) !== 0) return encode(hours, control);
  return encode(((hours + 11) % 12) + 1, control) | (hours >= 12 ? AFTERNOON : 0);
}

function decodeHours(value: number, control: number): number {
  if ((control & B_24_HOURS) !== 0) return decode(value, control);
  return (decode(value & 0x7f, control) % 12) + ((value & AFTERNOON) !== 0 ? 12 : 0);
}

/** Register values for a moment in seconds since 1970, in the format register B asks for. */
export function fieldsOfDate(seconds: number, control: number): readonly (readonly [number, number])[] {
  const date = new Date(seconds * 1000);
  const year = date.getUTCFullYear();
  return [
    [SECONDS, encode(date.getUTCSeconds(), control)],
    [MINUTES, encode(date.getUTCMinutes(), control)],
    [HOURS, encodeHours(date.getUTCHours(), control)],
    [DAY_OF_WEEK, encode(date.getUTCDay() + 1, control)],
    [DAY_OF_MONTH, encode(date.getUTCDate(), control)],
    [MONTH, encode(date.getUTCMonth() + 1, control)],
    [YEAR, encode(year % 100, control)],
    [CENTURY, encode(Math.floor(year / 100), control)],
  ];
}

/** The moment the registers stand for. */
export function secondsOfFields(memory: Uint8Array, control: number): number {
  const field = (register: number): number => decode(memory[register]!, control);
  const year = field(CENTURY) * 100 + field(YEAR);
  const hours = decodeHours(memory[HOURS]!, control);
  return Date.UTC(year, field(MONTH) - 1, field(DAY_OF_MONTH), hours, field(MINUTES), field(SECONDS)) / 1000;
}

/** True if the alarm registers match at this moment. */
export function isAlarmAt(seconds: number, memory: Uint8Array): boolean {
  const control = memory[REGISTER_B]!;
  const time = ((seconds % 86_400) + 86_400) % 86_400;
  const now = [
    [SECONDS_ALARM, encode(time % 60, control)],
    [MINUTES_ALARM, encode(Math.floor(time / 60) % 60, control)],
    [HOURS_ALARM, encodeHours(Math.floor(time / 3600), control)],
  ] as const;
  return now.every(([register, value]) => {
    const alarm = memory[register]!;
    return (alarm & DO_NOT_CARE) === DO_NOT_CARE || alarm === value;
  });
}
