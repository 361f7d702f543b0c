/**
 * Every attribute, baggage key, header and environment name that Spanwise reads or writes, in one table.
 *
 * HoneyHive has two spellings, both real: dotted `honeyhive.*` for identity, underscored `honeyhive_<ns>.*` for
 * an event's payload. They are kept apart here because its backend routes them apart.
 */

/** Resource attributes that every span's resource has. */
export const ATTR_SERVICE_NAME = 'service.name';
export const ATTR_SDK_LANGUAGE = 'telemetry.sdk.language';
export const ATTR_SDK_NAME = 'telemetry.sdk.name';
export const ATTR_SDK_VERSION = 'telemetry.sdk.version';

/** The event of an exception and its attributes. */
export const EVENT_EXCEPTION = 'exception';
export const ATTR_EXCEPTION_TYPE = 'exception.type';
export const ATTR_EXCEPTION_MESSAGE = 'exception.message';
export const ATTR_EXCEPTION_STACKTRACE = 'exception.stacktrace';

/** Attributes of HTTP spans (semantic conventions 1.23 and later, stable); the last two are what came before. */
export const ATTR_ERROR_KIND = 'error.type';
export const ATTR_HTTP_METHOD = 'http.request.method';
export const ATTR_HTTP_METHOD_ORIGINAL = 'http.request.method_original';
export const ATTR_HTTP_RESEND_COUNT = 'http.request.resend_count';
export const ATTR_HTTP_ROUTE = 'http.route';
export const ATTR_HTTP_STATUS = 'http.response.status_code';
export const ATTR_URL_FULL = 'url.full';
export const ATTR_URL_PATH = 'url.path';
export const ATTR_URL_QUERY = 'url.query';
export const ATTR_URL_SCHEME = 'url.scheme';
export const ATTR_SERVER_ADDRESS = 'server.address';
export const ATTR_SERVER_PORT = 'server.port';
export const ATTR_CLIENT_ADDRESS = 'client.address';
export const ATTR_PROTOCOL_VERSION = 'network.protocol.version';
export const ATTR_USER_AGENT = 'user_agent.original';
export const ATTR_OLD_HTTP_METHOD = 'http.method';

/** Attributes of messages (semantic conventions, in development there). */
export const ATTR_MESSAGING_SYSTEM = 'messaging.system.name';
export const ATTR_MESSAGING_OPERATION = 'messaging.operation.name';
export const ATTR_MESSAGING_OPERATION_TYPE = 'messaging.operation.type';
export const ATTR_MESSAGING_DESTINATION = 'messaging.destination.name';
export const ATTR_MESSAGING_PARTITION = 'messaging.destination.partition.id';
export const ATTR_MESSAGING_ID = 'messaging.message.id';
export const ATTR_MESSAGING_CONVERSATION = 'messaging.message.conversation_id';
export const ATTR_MESSAGING_BODY_SIZE = 'messaging.message.body.size';
export const ATTR_MESSAGING_BATCH_COUNT = 'messaging.batch.message_count';
export const ATTR_KAFKA_OFFSET = 'kafka.offset';
export const ATTR_RABBITMQ_ROUTING_KEY = 'rabbitmq.destination.routing_key';

/** Attributes of functions as a service, and of where they run (semantic conventions). */
export const ATTR_FAAS_INVOCATION_ID = 'faas.invocation_id';
export const ATTR_FAAS_TRIGGER = 'faas.trigger';
export const ATTR_FAAS_COLDSTART = 'faas.coldstart';
export const ATTR_FAAS_NAME = 'faas.name';
export const ATTR_FAAS_VERSION = 'faas.version';
export const ATTR_FAAS_TIME = 'faas.time';
export const ATTR_CLOUD_ACCOUNT_ID = 'cloud.account.id';
export const ATTR_CLOUD_PROVIDER = 'cloud.provider';
export const ATTR_CLOUD_REGION = 'cloud.region';
export const ATTR_CLOUD_RESOURCE_ID = 'cloud.resource_id';
/** Says how AWS Lambda came to start a function; one that was started ahead had no cold start. */
export const ENV_LAMBDA_INITIALIZATION = 'AWS_LAMBDA_INITIALIZATION_TYPE';

/** What every identity attribute of HoneyHive begins with. */
export const IDENTITY_ATTRIBUTE_PREFIX = 'honeyhive.';
/** Identity attributes, stamped on every span. */
export const ATTR_SESSION_ID = 'honeyhive.session_id';
export const ATTR_PROJECT = 'honeyhive.project';
export const ATTR_SOURCE = 'honeyhive.source';
export const ATTR_PARENT_ID = 'honeyhive.parent_id';
export const ATTR_SESSION_NAME = 'honeyhive.session_name';
export const ATTR_SESSION_AUTO_CREATE = 'honeyhive.session_auto_create';
/** OpenTelemetry's own session attribute (semantic conventions, `session.id`). */
export const ATTR_OTEL_SESSION_ID = 'session.id';
/** Routing attributes that older HoneyHive backends and Traceloop read. */
export const TRACELOOP_PREFIX = 'traceloop.association.properties.';
/** Prefix of baggage entries copied to attributes. */
export const BAGGAGE_ATTRIBUTE_PREFIX = 'baggage.';

export const ATTR_EXPERIMENT_ID = 'honeyhive.experiment_id';
export const ATTR_EXPERIMENT_NAME = 'honeyhive.experiment_name';
export const ATTR_EXPERIMENT_VARIANT = 'honeyhive.experiment_variant';
export const ATTR_EXPERIMENT_GROUP = 'honeyhive.experiment_group';
export const ATTR_EXPERIMENT_METADATA = 'honeyhive.experiment_metadata';

/** Event payload namespaces: payload field → attribute prefix. */
export const PAYLOAD_NAMESPACES = {
  inputs: 'honeyhive_inputs',
  outputs: 'honeyhive_outputs',
  metadata: 'honeyhive_metadata',
  metrics: 'honeyhive_metrics',
  feedback: 'honeyhive_feedback',
  config: 'honeyhive_config',
  userProperties: 'honeyhive_user_properties',
} as const;
export type PayloadNamespace = keyof typeof PAYLOAD_NAMESPACES;

export const ATTR_EVENT_TYPE = 'honeyhive_event_type';
export const ATTR_EVENT_TYPE_RAW = 'honeyhive_event_type_raw';
export const ATTR_EVENT_NAME = 'honeyhive_event_name';
export const ATTR_EVENT_ID = 'honeyhive_event_id';
export const ATTR_ERROR = 'honeyhive_error';
export const ATTR_ERROR_TYPE = 'honeyhive_error_type';
export const ATTR_DURATION_MS = 'honeyhive_duration_ms';
/** Attributes of other instrumentations that tell what kind of event a span is. */
export const ATTR_GEN_AI_OPERATION = 'gen_ai.operation.name';
export const ATTR_OPENINFERENCE_KIND = 'openinference.span.kind';
export const MODEL_ATTRIBUTES = [
  'gen_ai.request.model',
  'gen_ai.response.model',
  'llm.request.model',
  'llm.model_name',
] as const;
/** Where instrumentations put what a model was told and what it said: as JSON, or flattened below the name. */
export const MODEL_INPUT_ATTRIBUTES = [
  'gen_ai.input.messages',
  'gen_ai.prompt',
  'llm.input_messages',
  'llm.prompts',
] as const;
export const MODEL_OUTPUT_ATTRIBUTES = [
  'gen_ai.output.messages',
  'gen_ai.completion',
  'llm.output_messages',
  'llm.completions',
] as const;
/** Where a call went to, most telling first. */
export const PEER_HOST_ATTRIBUTES = [ATTR_SERVER_ADDRESS, 'net.peer.name'] as const;
export const PEER_PORT_ATTRIBUTES = [ATTR_SERVER_PORT, 'net.peer.port'] as const;
export const PEER_NAME_ATTRIBUTES = [
  'peer.service',
  'messaging.destination.name',
  'db.system.name',
  'db.system',
] as const;
export const ATTR_OLD_URL = 'http.url';
/** The key a method's whole result is stored under, below `honeyhive_outputs`. */
export const RESULT_KEY = 'result';

/** Fields of log lines (OpenTelemetry's trace context in other formats of logs; the session's is HoneyHive's key). */
export const LOG_TRACE_ID = 'trace_id';
export const LOG_SPAN_ID = 'span_id';
export const LOG_SESSION_ID = 'session_id';

/**
 * What most spans are stamped with, each time as a new object.
 *
 * The names are written out once more, because a literal is made in 2 ns where copying the same attributes takes 60
 * (0.04 of a span of OpenTelemetry's), and because adding to a spread copy takes Node 20 half a microsecond.
 */
export function stampedAttributes(
  sessionId: string,
  project: string | undefined,
  source: string,
  eventType: EventType,
): Record<string, string> {
  if (project === undefined) {
    return {
      'honeyhive.session_id': sessionId,
      'session.id': sessionId,
      'honeyhive.source': source,
      honeyhive_event_type: eventType,
    };
  }
  return {
    'honeyhive.session_id': sessionId,
    'session.id': sessionId,
    'honeyhive.project': project,
    'honeyhive.source': source,
    honeyhive_event_type: eventType,
  };
}

/** What nearly every server span of HTTP starts with; a literal for the same reason. */
export function requestAttributes(
  method: string,
  path: string,
  scheme: string,
  serverAddress: string,
  serverPort: number,
  userAgent: string,
  clientAddress: string,
  protocolVersion: string,
): Record<string, string | number> {
  return {
    'http.request.method': method,
    'url.path': path,
    'url.scheme': scheme,
    'server.address': serverAddress,
    'server.port': serverPort,
    'user_agent.original': userAgent,
    'client.address': clientAddress,
    'network.protocol.version': protocolVersion,
  };
}

/** Writes what spans are stamped with, but for the event type, into attributes that are there. */
export function stampInto(
  attributes: Record<string, unknown>,
  sessionId: string,
  project: string | undefined,
  source: string,
): void {
  attributes['honeyhive.session_id'] = sessionId;
  attributes['session.id'] = sessionId;
  if (project !== undefined) attributes['honeyhive.project'] = project;
  attributes['honeyhive.source'] = source;
}

/** The same for HoneyHive's backend, which also reads Traceloop's association properties. */
export function compatibleAttributes(
  sessionId: string,
  project: string,
  source: string,
  eventType: EventType,
): Record<string, string> {
  return {
    'honeyhive.session_id': sessionId,
    'traceloop.association.properties.session_id': sessionId,
    'session.id': sessionId,
    'honeyhive.project': project,
    'traceloop.association.properties.project': project,
    'honeyhive.source': source,
    'traceloop.association.properties.source': source,
    honeyhive_event_type: eventType,
  };
}

/** Attributes of our own. */
export const ATTR_ABANDONED = 'spanwise.abandoned';
/** The caller went away before the answer was complete. */
export const ATTR_ABORTED = 'spanwise.aborted';
export const ATTR_TRUNCATED = 'spanwise.truncated';
export const REDACTED = '[REDACTED]';

/** Baggage keys of identity, as they travel. */
export const BAGGAGE_SESSION_ID = 'session_id';
export const BAGGAGE_PROJECT = 'project';
export const BAGGAGE_SOURCE = 'source';
export const BAGGAGE_SESSION_NAME = 'session_name';
export const BAGGAGE_PARENT_ID = 'parent_id';
export const BAGGAGE_RUN_ID = 'run_id';
export const BAGGAGE_DATASET_ID = 'dataset_id';
export const BAGGAGE_DATAPOINT_ID = 'datapoint_id';
/** A process-local id that Python senders leak into baggage: never read, never sent on. */
export const BAGGAGE_FOREIGN_TRACER_ID = 'honeyhive_tracer_id';

/** The identity keys in the order in which they are kept when baggage must be cut. */
export const IDENTITY_BAGGAGE_KEYS = [
  BAGGAGE_SESSION_ID,
  BAGGAGE_PROJECT,
  BAGGAGE_SOURCE,
  BAGGAGE_PARENT_ID,
  BAGGAGE_RUN_ID,
  BAGGAGE_DATASET_ID,
  BAGGAGE_DATAPOINT_ID,
  BAGGAGE_SESSION_NAME,
] as const;

/** Inbound spellings of the three identity keys, canonical first; `identityKeys` adds to them. */
export const IDENTITY_KEY_VARIANTS = {
  session: [BAGGAGE_SESSION_ID, 'honeyhive_session_id', 'honeyhive.session_id', 'session.id'],
  project: [BAGGAGE_PROJECT, 'honeyhive_project', 'honeyhive.project'],
  source: [BAGGAGE_SOURCE, 'honeyhive_source', 'honeyhive.source'],
} as const;

/** Identity keys that are experiment ids: baggage key → attribute. */
export const EXPERIMENT_BAGGAGE_ATTRIBUTES = {
  [BAGGAGE_RUN_ID]: 'honeyhive_metadata.run_id',
  [BAGGAGE_DATASET_ID]: 'honeyhive_metadata.dataset_id',
  [BAGGAGE_DATAPOINT_ID]: 'honeyhive_metadata.datapoint_id',
} as const;

/** Headers (always lower case here; carriers are read case-insensitively). */
export const HEADER_TRACEPARENT = 'traceparent';
export const HEADER_TRACESTATE = 'tracestate';
export const HEADER_BAGGAGE = 'baggage';
export const HEADER_B3 = 'b3';
export const HEADER_B3_TRACE_ID = 'x-b3-traceid';
export const HEADER_B3_SPAN_ID = 'x-b3-spanid';
export const HEADER_B3_PARENT_SPAN_ID = 'x-b3-parentspanid';
export const HEADER_B3_SAMPLED = 'x-b3-sampled';
export const HEADER_B3_FLAGS = 'x-b3-flags';

/** Headers of Istio, Envoy and Linkerd that a service has to pass on for the mesh to follow its requests. */
export const MESH_HEADERS = [
  'x-request-id',
  'x-client-trace-id',
  'x-envoy-force-trace',
  'x-ot-span-context',
  'x-cloud-trace-context',
  'x-datadog-trace-id',
  'x-datadog-parent-id',
  'x-datadog-sampling-priority',
  'sw8',
  'grpc-trace-bin',
  'l5d-ctx-trace',
  'l5d-ctx-deadline',
  'l5d-ctx-dtab',
  'l5d-sample',
] as const;

/** The key under which messages between threads and processes hold their headers. */
export const MESSAGE_HEADERS_KEY = 'spanwise';

/**
 * The environment variable that a header travels in from a process to the ones it starts.
 *
 * @see https://opentelemetry.io/docs/specs/otel/context/env-carriers/
 */
export function variableOfHeader(header: string): string {
  return header.toUpperCase().replace(/[^A-Z0-9]/g, '_');
}

/** Environment variables of configuration. Nothing unprefixed is read. */
export const ENV = {
  apiKey: 'HH_API_KEY',
  project: 'HH_PROJECT',
  source: 'HH_SOURCE',
  serverUrl: 'HH_API_URL',
  sessionName: 'HH_SESSION_NAME',
  testMode: 'HH_TEST_MODE',
  disableBatch: 'HH_DISABLE_BATCH',
  protocol: 'HH_OTLP_PROTOCOL',
  maxAttributes: 'HH_MAX_ATTRIBUTES',
  maxEvents: 'HH_MAX_EVENTS',
  maxLinks: 'HH_MAX_LINKS',
  apiTimeout: 'HH_API_TIMEOUT',
  exportTimeoutSeconds: 'HH_EXPORT_TIMEOUT_SECONDS',
  experimentId: 'HH_EXPERIMENT_ID',
  experimentName: 'HH_EXPERIMENT_NAME',
  experimentVariant: 'HH_EXPERIMENT_VARIANT',
  experimentGroup: 'HH_EXPERIMENT_GROUP',
  experimentMetadata: 'HH_EXPERIMENT_METADATA',
  otlpEndpoint: 'OTEL_EXPORTER_OTLP_ENDPOINT',
  otlpTracesEndpoint: 'OTEL_EXPORTER_OTLP_TRACES_ENDPOINT',
  otlpHeaders: 'OTEL_EXPORTER_OTLP_HEADERS',
  otlpTracesHeaders: 'OTEL_EXPORTER_OTLP_TRACES_HEADERS',
  otlpProtocol: 'OTEL_EXPORTER_OTLP_PROTOCOL',
  otlpTracesProtocol: 'OTEL_EXPORTER_OTLP_TRACES_PROTOCOL',
  serviceName: 'OTEL_SERVICE_NAME',
  resourceAttributes: 'OTEL_RESOURCE_ATTRIBUTES',
  tracesSampler: 'OTEL_TRACES_SAMPLER',
  tracesSamplerArg: 'OTEL_TRACES_SAMPLER_ARG',
  attributeCountLimit: 'OTEL_ATTRIBUTE_COUNT_LIMIT',
  attributeValueLengthLimit: 'OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT',
  spanAttributeCountLimit: 'OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT',
  spanAttributeValueLengthLimit: 'OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT',
  spanEventCountLimit: 'OTEL_SPAN_EVENT_COUNT_LIMIT',
  spanLinkCountLimit: 'OTEL_SPAN_LINK_COUNT_LIMIT',
  eventAttributeCountLimit: 'OTEL_EVENT_ATTRIBUTE_COUNT_LIMIT',
  linkAttributeCountLimit: 'OTEL_LINK_ATTRIBUTE_COUNT_LIMIT',
  /** Not the specification's names; SDK 2.x reads these two instead of the two above. */
  sdkEventAttributeCountLimit: 'OTEL_SPAN_ATTRIBUTE_PER_EVENT_COUNT_LIMIT',
  sdkLinkAttributeCountLimit: 'OTEL_SPAN_ATTRIBUTE_PER_LINK_COUNT_LIMIT',
  sdkDisabled: 'OTEL_SDK_DISABLED',
  logLevel: 'OTEL_LOG_LEVEL',
  /** The instrumentations that `spanwise/register` loads, by their short names. */
  instrumentations: 'OTEL_NODE_ENABLED_INSTRUMENTATIONS',
  /** The file that `spanwise/register` is configured by. */
  config: 'SPANWISE_CONFIG',
  captureMessageContent: 'OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT',
} as const;

/**
 * LangChain runs its callbacks in one queue for the whole process, in the context of whoever fills it, unless this
 * variable is "false"; the names of the instrumentations that make their spans in such callbacks.
 */
export const ENV_LANGCHAIN_BACKGROUND = 'LANGCHAIN_CALLBACKS_BACKGROUND';
export const LANGCHAIN_SCOPE = /langchain|langgraph/i;

/** HoneyHive's default data plane and its paths. */
export const HONEYHIVE_SERVER_URL = 'https://api.dp1.us.honeyhive.ai';
export const HONEYHIVE_TRACES_PATH = '/opentelemetry/v1/traces';
export const HONEYHIVE_SESSION_START_PATH = '/session/start';
export const HONEYHIVE_EVENTS_PATH = '/events';
/** Where spans go when nothing is configured: the local viewer. */
export const DEFAULT_OTLP_ENDPOINT = 'http://localhost:4318';
export const OTLP_TRACES_PATH = '/v1/traces';

/** The instrumentation scope of spans that decorators make. */
export const SCOPE_NAME = 'spanwise';
export const VERSION = '0.1.0';

/**
 * What an event is, for HoneyHive.
 *
 * @category Span
 */
export type EventType = 'model' | 'tool' | 'chain' | 'session';
export const EVENT_TYPES: readonly EventType[] = ['model', 'tool', 'chain', 'session'];

/** OpenTelemetry's attributes of token usage, older spellings included: metric → names. */
export const GEN_AI_USAGE_ATTRIBUTES = {
  prompt_tokens: ['gen_ai.usage.input_tokens', 'gen_ai.usage.prompt_tokens'],
  completion_tokens: ['gen_ai.usage.output_tokens', 'gen_ai.usage.completion_tokens'],
  total_tokens: ['gen_ai.usage.total_tokens'],
  cache_read_input_tokens: ['gen_ai.usage.cache_read.input_tokens'],
  cache_creation_input_tokens: ['gen_ai.usage.cache_creation.input_tokens'],
} as const;
