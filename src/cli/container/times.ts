// Points in time as docker's --since and --until take them (docker-logs(1)).
import { InvalidArgumentError } from 'commander';

const SPAN = /^(?:(\d+)h)?(?:(\d+)m)?(?:(\d+(?:\.\d+)?)s)?$/;

/** RFC 3339, seconds since 1970, or how long ago, such as 1h30m. @throws InvalidArgumentError */
export function parseTime(text: string, now: number = Date.now()): number {
  if (/^\d+(?:\.\d+)?$/.test(text)) return Number(text) * 1000;
  const [span, hours = 0, minutes = 0, seconds = 0] = SPAN.exec(text) ?? [];
  if (span) return now - (Number(hours) * 3600 + Number(minutes) * 60 + Number(seconds)) * 1000;
  const time = /^\d{4}-\d\d/.test(text) ? Date.parse(text) : Number.NaN;
  if (!Number.isNaN(time)) return time;
  throw new InvalidArgumentError(`${text} is no time such as 2026-01-02T15:04:05Z, 1767366245 or 10m.`);
}
