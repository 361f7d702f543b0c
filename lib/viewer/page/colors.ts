/** A color for each service, the same wherever it appears. */

/** Hues (of OKLCH) that stay apart from each other and from the red of errors. */
const HUES = [275, 165, 70, 325, 230, 125, 300, 200, 50, 255];
const taken = new Map<string, number>();

export function hueOf(service: string): number {
  const known = taken.get(service);
  if (known !== undefined) return known;
  let hash = 0;
  for (const character of service) hash = (hash * 31 + character.codePointAt(0)!) >>> 0;
  const used = new Set(taken.values());
  let hue = HUES[hash % HUES.length]!;
  for (let step = 1; used.has(hue) && step < HUES.length; step++) hue = HUES[(hash + step) % HUES.length]!;
  taken.set(service, hue);
  return hue;
}

/** The style that gives an element and everything in it the color of a service. */
export function serviceStyle(service: string): Record<string, string> {
  return { '--hue': String(hueOf(service)) };
}
