/** Times and numbers as people read them. */

/** A duration in milliseconds with three significant digits and a fitting unit. */
export function duration(ms: number): string {
  if (!Number.isFinite(ms)) return '–';
  if (ms < 0.0005) return '0 ms';
  if (ms < 1) return `${digits(ms * 1_000)} µs`;
  if (ms < 1_000) return `${digits(ms)} ms`;
  if (ms < 60_000) return `${digits(ms / 1_000)} s`;
  const minutes = Math.floor(ms / 60_000);
  if (minutes < 60) return `${minutes} min ${Math.floor((ms % 60_000) / 1_000)} s`;
  return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

function digits(value: number): string {
  const places = value >= 100 ? 0 : value >= 10 ? 1 : 2;
  return String(Number(value.toFixed(places)));
}

export function timeOfDay(ms: number): string {
  return new Date(ms).toLocaleTimeString(undefined, { hour12: false });
}

export function dateAndTime(ms: number): string {
  const date = new Date(ms);
  const time = `${date.toLocaleTimeString(undefined, { hour12: false })}.${String(date.getMilliseconds()).padStart(3, '0')}`;
  return `${date.toLocaleDateString()} ${time}`;
}

/** How long ago, in words that do not change every second. */
export function ago(ms: number, now: number): string {
  const seconds = Math.max(0, (now - ms) / 1_000);
  if (seconds < 5) return 'now';
  if (seconds < 60) return `${Math.floor(seconds / 5) * 5} s ago`;
  if (seconds < 3_600) return `${Math.floor(seconds / 60)} min ago`;
  if (seconds < 86_400) return timeOfDay(ms).slice(0, 5);
  return new Date(ms).toLocaleDateString();
}

export function bytes(count: number): string {
  if (count < 1024) return `${count} B`;
  const kib = count / 1024;
  return kib < 1024 ? `${kib.toFixed(0)} KB` : `${(kib / 1024).toFixed(kib < 10_240 ? 1 : 0)} MB`;
}

export function count(value: number, one: string, many = `${one}s`): string {
  return `${value.toLocaleString('en')} ${value === 1 ? one : many}`;
}

/** A sum of money of no certain currency, with as many digits as it needs. */
export function amount(value: number): string {
  return value.toLocaleString('en', { maximumSignificantDigits: value >= 100 ? 6 : 3 });
}

/** Round positions for an axis from 0 to `length`, at most `most` of them. */
export function ticks(length: number, most: number): number[] {
  if (!(length > 0) || most < 1) return [0];
  const raw = length / most;
  const power = 10 ** Math.floor(Math.log10(raw));
  const step = [1, 2, 5, 10].map((factor) => factor * power).find((one) => one >= raw)!;
  return Array.from({ length: Math.floor(length / step) + 1 }, (_, index) => index * step);
}
