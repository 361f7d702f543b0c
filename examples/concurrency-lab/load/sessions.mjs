/** What a request of the load scenarios carries, for those who send it and for those who verify it. */

/** The session of the request that names itself so. */
export function sessionOf(identifier) {
  return {
    session_id: `session-${identifier}`,
    session_identifier: identifier,
    user_id: `user-${identifier}`,
  };
}

/**
 * Session and user as baggage. There is no `traceparent`, because nobody traces the one that sends it: a parent that
 * never arrives would be an orphan.
 */
export function headersOf(identifier) {
  const baggage = Object.entries(sessionOf(identifier)).map(([key, value]) => `${key}=${value}`);
  return { 'content-type': 'application/json', baggage: baggage.join(',') };
}
