/** The services of a session and the calls between them, as a drawing and as a table. */
import { html } from 'htm/preact';
import { useMemo } from 'preact/hooks';
import { hueOf } from './colors.js';
import { count, duration } from './format.js';
import { nodeId, serviceMap, type MapEdge, type MapNode } from './service-map.js';
import type { Forest } from './tree.js';

const BOX = { width: 170, height: 54 };
const GAP = { x: 130, y: 26 };

export function MapView({ forest }: { forest: Forest }) {
  const map = useMemo(() => serviceMap(forest), [forest]);
  const places = useMemo(() => placesOf(map.nodes), [map]);
  const layers = Math.max(0, ...map.nodes.map(({ layer }) => layer)) + 1;
  const most = Math.max(1, ...[...countsOf(map.nodes).values()]);
  const width = layers * (BOX.width + GAP.x) - GAP.x + 40;
  const height = most * (BOX.height + GAP.y) - GAP.y + 60;
  return html`
    <div class="map" tabindex="0">
      <svg
        viewBox=${`0 0 ${width} ${height}`}
        width=${width}
        height=${height}
        role="img"
        aria-label=${`${count(map.nodes.length, 'service')}, ${count(map.edges.length, 'connection')}; the table below says the same`}
      >
        <defs>
          <marker
            id="arrow"
            viewBox="0 0 8 8"
            refX="7"
            refY="4"
            markerWidth="7"
            markerHeight="7"
            orient="auto"
          >
            <path d="M0 0L8 4L0 8z" />
          </marker>
        </defs>
        ${map.edges.map((edge) => html`<${Edge} edge=${edge} places=${places} />`)}
        ${map.nodes.map((node) => html`<${Box} node=${node} place=${places.get(nodeId(node))!} />`)}
      </svg>
      <table>
        <caption>
          Calls between services
        </caption>
        <thead>
          <tr>
            <th scope="col">From</th>
            <th scope="col">To</th>
            <th scope="col">Calls</th>
            <th scope="col">Errors</th>
            <th scope="col">Median</th>
            <th scope="col">Longest</th>
          </tr>
        </thead>
        <tbody>
          ${map.edges.map(
            (edge) =>
              html`<tr>
                <td>${plain(edge.from)}</td>
                <td>${plain(edge.to)}</td>
                <td>${edge.calls}</td>
                <td class=${edge.errors > 0 ? 'error-text' : ''}>${edge.errors}</td>
                <td>${duration(median(edge.durations))}</td>
                <td>${duration(Math.max(...edge.durations.slice(0, 10_000)))}</td>
              </tr>`,
          )}
          ${
            map.edges.length === 0 &&
            html`<tr>
              <td colspan="6">No service called another.</td>
            </tr>`
          }
        </tbody>
      </table>
    </div>
  `;
}

type Place = readonly [x: number, y: number];

function countsOf(nodes: readonly MapNode[]): Map<number, number> {
  const counts = new Map<number, number>();
  for (const { layer } of nodes) counts.set(layer, (counts.get(layer) ?? 0) + 1);
  return counts;
}

function placesOf(nodes: readonly MapNode[]): Map<string, Place> {
  const places = new Map<string, Place>();
  const used = new Map<number, number>();
  for (const node of nodes) {
    const at = used.get(node.layer) ?? 0;
    used.set(node.layer, at + 1);
    places.set(nodeId(node), [20 + node.layer * (BOX.width + GAP.x), 30 + at * (BOX.height + GAP.y)]);
  }
  return places;
}

function Box({ node, place: [x, y] }: { node: MapNode; place: Place }) {
  const { name, isOutside, spans, errors } = node;
  return html`
    <g
      class=${`map-node${isOutside ? ' outside' : ''}`}
      style=${{ '--hue': String(hueOf(name)) }}
      transform=${`translate(${x} ${y})`}
    >
      <title>${name}${isOutside ? ' (sends no spans)' : ''}</title>
      <rect width=${BOX.width} height=${BOX.height} rx="9" />
      <text x="14" y="23" class="map-name">${name.length > 21 ? `${name.slice(0, 20)}…` : name}</text>
      <text x="14" y="41" class="map-facts">
        ${isOutside ? count(spans, 'call') : count(spans, 'span')}
        ${errors > 0 && html`<tspan class="map-errors"> · ${count(errors, 'error')}</tspan>`}
      </text>
    </g>
  `;
}

function Edge({ edge, places }: { edge: MapEdge; places: ReadonlyMap<string, Place> }) {
  const from = places.get(edge.from);
  const to = places.get(edge.to);
  if (from === undefined || to === undefined) return null;
  const isBack = to[0] <= from[0];
  const [x1, y1] = isBack
    ? [from[0] + BOX.width / 2, from[1] + BOX.height]
    : [from[0] + BOX.width, from[1] + BOX.height / 2];
  const [x2, y2] = isBack ? [to[0] + BOX.width / 2, to[1] + BOX.height] : [to[0], to[1] + BOX.height / 2];
  const path = isBack
    ? `M${x1} ${y1}C${x1} ${y1 + 40} ${x2} ${y2 + 40} ${x2} ${y2 + 2}`
    : `M${x1} ${y1}C${x1 + GAP.x / 2} ${y1} ${x2 - GAP.x / 2} ${y2} ${x2 - 2} ${y2}`;
  const label = `${edge.calls}×${edge.errors > 0 ? ` · ${count(edge.errors, 'error')}` : ''}`;
  return html`
    <g class=${`map-edge${edge.errors > 0 ? ' failed' : ''}`}>
      <path
        d=${path}
        marker-end="url(#arrow)"
        style=${{ strokeWidth: `${Math.min(4, 1 + Math.log10(edge.calls))}px` }}
      />
      <text x=${(x1 + x2) / 2} y=${(y1 + y2) / 2 + (isBack ? 34 : -6)}>${label}</text>
    </g>
  `;
}

function plain(id: string): string {
  return id.replace(/^outside /, '');
}

function median(durations: readonly number[]): number {
  const sorted = [...durations].sort((a, b) => a - b);
  return sorted[Math.floor((sorted.length - 1) / 2)] ?? 0;
}
