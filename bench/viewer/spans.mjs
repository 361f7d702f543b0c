/** OTLP/JSON requests of spans as services and agents make them: eight attributes, a tree, two services. */

const hex = (value, length) => value.toString(16).padStart(length, '0');

/**
 * @param {number} total how many spans
 * @param {number} traces over how many traces and sessions they are spread
 * @param {number} batch spans per request
 * @returns {string[]} the bodies
 */
export function requests(total, traces, batch) {
  const epoch = Date.now() - 60_000;
  const perTrace = Math.ceil(total / traces);
  const bodies = [];
  let spans = [];
  for (let index = 0; index < total; index++) {
    const trace = Math.floor(index / perTrace);
    const at = index % perTrace;
    const start = (epoch + trace * 10 + at) * 1_000_000;
    const attributes = {
      'honeyhive.session_id': `session-${trace}`,
      'honeyhive.project': 'bench',
      'honeyhive.source': 'bench',
      'honeyhive_inputs.question': `where is parcel ${index}, and when will it come?`,
      'honeyhive_metadata.user_id': `user_${trace}`,
      'http.request.method': 'POST',
      'url.path': '/agent/invoke',
      'http.response.status_code': '200',
    };
    spans.push({
      traceId: hex(trace + 1, 32),
      spanId: hex(index + 1, 16),
      ...(at === 0 ? {} : { parentSpanId: hex(index - at + Math.floor((at - 1) / 10) + 1, 16) }),
      name: `Agent.step${at % 20}`,
      kind: 1,
      startTimeUnixNano: String(start),
      endTimeUnixNano: String(start + 5_000_000),
      attributes: Object.entries(attributes).map(([key, stringValue]) => ({ key, value: { stringValue } })),
      status: {},
    });
    if (spans.length === batch || index === total - 1) {
      const service = { key: 'service.name', value: { stringValue: trace % 2 === 0 ? 'client' : 'agent' } };
      bodies.push(
        JSON.stringify({
          resourceSpans: [
            { resource: { attributes: [service] }, scopeSpans: [{ scope: { name: 'bench' }, spans }] },
          ],
        }),
      );
      spans = [];
    }
  }
  return bodies;
}
