/**
 * OpenTelemetry's switch for the content of prompts and answers.
 */
import { ENV } from '../conventions.js';
import { warn } from '../diagnostics.js';

/**
 * What `OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT` says about content on spans.
 *
 * @param env the environment variables
 * @returns true or false if it is set (`span_only`, `span_and_event`: true; `event_only`, `no_content`: false),
 *   undefined if it is not; an unknown value is reported (`SPW_OPTION`) and counts as false, because a switch for
 *   private data that cannot be understood must not be taken for on
 * @see https://opentelemetry.io/docs/specs/semconv/gen-ai/
 */
export function messageContentAllowed(
  env: Readonly<Record<string, string | undefined>>,
): boolean | undefined {
  const value = env[ENV.captureMessageContent]?.trim().toLowerCase();
  switch (value) {
    case undefined:
    case '':
      return undefined;
    case 'true':
    case 'span_only':
    case 'span_and_event':
      return true;
    case 'false':
    case 'event_only':
    case 'no_content':
      return false;
    default:
      warn('SPW_OPTION', `${ENV.captureMessageContent} is neither true nor false; no content is recorded`);
      return false;
  }
}
