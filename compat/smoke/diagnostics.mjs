/** Everything that is said through OpenTelemetry's logger, from the start. */
import { diag, DiagLogLevel } from '@opentelemetry/api';

export const said = [];
const note = (message) => void said.push(String(message));
diag.setLogger({ error: note, warn: note, info() {}, debug() {}, verbose() {} }, DiagLogLevel.WARN);
