/**
 * Payment card numbers.
 */

/** Issuers: how a number begins, and how long it is. */
const ISSUED =
  /^(?:4(?:\d{12}|\d{15}|\d{18})|(?:5[1-5]|2[2-7])\d{14}|3[47]\d{13}|3(?:0|6|8)\d{12}|35\d{14}|6\d{15,18})$/;

/**
 * Tells whether digits are a payment card's: a known issuer's beginning and length, and Luhn's check.
 *
 * @param digits digits without separators
 */
export function isCard(digits: string): boolean {
  const { length } = digits;
  if (length < 13 || length > 19 || !ISSUED.test(digits)) return false;
  let sum = 0;
  for (let index = 0; index < length; index++) {
    const digit = digits.charCodeAt(length - 1 - index) - 0x30;
    const doubled = index % 2 === 1 ? digit * 2 : digit;
    sum += doubled > 9 ? doubled - 9 : doubled;
  }
  return sum % 10 === 0;
}
