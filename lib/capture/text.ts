/**
 * Cutting and weighing text, without keeping more of it alive than is recorded.
 */

// A space in front and off again: the engine cannot answer with a view into the original any more, so a short
// piece of a huge string does not keep all of it in memory for as long as the span is queued.
function detached(text: string): string {
  return ` ${text}`.slice(1);
}

/**
 * The beginning of a text, as a copy of its own.
 *
 * @param text any text
 * @param max the longest result, in UTF-16 units; a surrogate pair is never split
 */
export function cutText(text: string, max: number): string {
  if (text.length <= max) return text;
  const last = text.charCodeAt(max - 1);
  const end = last >= 0xd800 && last <= 0xdbff ? max - 1 : max;
  return end <= 0 ? '' : detached(text.slice(0, end));
}

const NOT_ASCII = /[^\u0000-\u007f]/;

/** Whether every character is one byte in UTF-8. */
export function isAscii(text: string): boolean {
  return !NOT_ASCII.test(text);
}

/** At least as many bytes as the text has in UTF-8; exact for ASCII. */
export function byteCeiling(text: string): number {
  return isAscii(text) ? text.length : text.length * 3;
}

/** What is recorded of a text that is too long to be touched. */
export function tooLong(text: string): string {
  return `[String ${text.length} characters]`;
}
