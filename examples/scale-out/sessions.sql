-- Sessions of the last day, on the schema of the Collector's ClickHouse exporter: npm run compat -- --only clickhouse runs it.
SELECT
    SpanAttributes['session.id'] AS session,
    min(Timestamp) AS started,
    count() AS spans,
    uniqExact(TraceId) AS traces,
    groupUniqArray(ServiceName) AS services,
    countIf(StatusCode = 'Error') AS errors
FROM otel.otel_traces
WHERE Timestamp > now() - INTERVAL 1 DAY AND session != ''
GROUP BY session
ORDER BY started DESC
LIMIT 100;
