/** How the demo shows what it found. */

/** Prints one session as a tree, with the service of each span. */
export function printTree(session) {
  const { spans } = session;
  const ids = new Set(spans.map((span) => span.id));
  const below = (id) => spans.filter((span) => span.parent === id).sort((a, b) => a.start - b.start);
  const lines = [`session ${session.sessionId} (${session.identifier})`];
  const walk = (span, indent, last) => {
    const arm = `${indent}${last ? '└─ ' : '├─ '}`;
    lines.push(
      `${(arm + span.name).padEnd(46)}${span.service.padEnd(14)}${span.duration.toFixed(1).padStart(7)} ms`,
    );
    const children = below(span.id);
    children.forEach((child, i) =>
      walk(child, `${indent}${last ? '   ' : '│  '}`, i === children.length - 1),
    );
  };
  const roots = spans.filter((span) => !ids.has(span.parent)).sort((a, b) => a.start - b.start);
  roots.forEach((root, i) => walk(root, '', i === roots.length - 1));
  process.stdout.write(`${lines.join('\n')}\n\n`);
}

/** Prints what was checked per session, and the verdict. */
export function printTable(report) {
  const checks = Object.keys(report.sessions[0]?.checks ?? {});
  const width = Math.max(...checks.map((check) => check.length)) + 2;
  const head = report.sessions.map((session) => session.identifier.padEnd(12)).join('');
  const rows = checks.map(
    (check) =>
      check.padEnd(width) + report.sessions.map((s) => (s.checks[check] ? 'yes' : 'NO').padEnd(12)).join(''),
  );
  const lines = [''.padEnd(width) + head, ...rows, ''];
  if (report.strays.length > 0) lines.push(`spans outside of any session: ${report.strays.join(', ')}`);
  lines.push(
    `${report.receivedSpans} of ${report.expectedSpans} spans; ${report.ok ? 'all of it holds' : 'NOT all of it holds'}`,
  );
  process.stdout.write(`${lines.join('\n')}\n`);
}
