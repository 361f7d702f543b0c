/** What the verifier found, for people. */
import { FAULTS, type Fault, type SessionReport, type VerifyReport } from './verify-rules.js';

/** Beyond this many sessions only those with findings are listed. */
const MAX_LISTED = 20;
const MAX_FINDINGS = 10;

/** The report as text: a row per session, then what is wrong. */
export function reportText(report: VerifyReport): string {
  const { sessions } = report;
  const broken = sessions.filter(({ ok }) => !ok);
  const listed = sessions.length <= MAX_LISTED ? sessions : broken.slice(0, MAX_LISTED);
  const lines: string[] = [];
  if (listed.length > 0) lines.push(...table(listed), '');
  for (const session of broken.slice(0, MAX_LISTED)) {
    lines.push(`${nameOf(session)}:`);
    for (const { fault, message } of session.findings.slice(0, MAX_FINDINGS)) {
      lines.push(`  ${fault}: ${message}`);
    }
    const more = session.findings.length - MAX_FINDINGS;
    if (more > 0) lines.push(`  and ${more} more`);
  }
  if (broken.length > MAX_LISTED) lines.push(`and ${broken.length - MAX_LISTED} more sessions`);
  for (const fault of Object.keys(report.faults) as Fault[]) {
    lines.push(`${report.faults[fault]} × ${fault}: ${FAULTS[fault]}`);
  }
  const spans = sessions.reduce((sum, session) => sum + session.spans, 0);
  const verdict = report.ok
    ? 'all of it holds'
    : `${broken.length} of ${sessions.length} sessions do NOT hold`;
  lines.push(`${sessions.length} sessions, ${spans} spans (${report.spansSeen} seen): ${verdict}`);
  return lines.join('\n');
}

function table(sessions: readonly SessionReport[]): string[] {
  const rows = [
    ['session', 'spans', 'traces', 'remote', 'local', 'overlaps', 'ms', 'services', ''],
    ...sessions.map((session) => [
      nameOf(session),
      String(session.spans),
      String(session.traces),
      String(session.remoteCalls),
      String(session.localCalls),
      String(session.overlaps),
      session.durationMs.toFixed(0),
      Object.entries(session.services)
        .map(([service, count]) => `${service} ${count}`)
        .join(', '),
      session.ok ? 'holds' : 'DOES NOT HOLD',
    ]),
  ];
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)));
  return rows.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column]!))
      .join('  ')
      .trimEnd(),
  );
}

function nameOf({ sessionId, baggage }: SessionReport): string {
  const identifier = baggage['session_identifier'];
  return identifier === undefined ? sessionId : `${identifier} ${sessionId}`;
}
