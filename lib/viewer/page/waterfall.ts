/** One session over time: every span of every trace and service, in the order of calls. */
import { html } from 'htm/preact';
import { useEffect, useMemo, useRef, useState } from 'preact/hooks';
import type { Row } from '../page-model.js';
import { serviceStyle } from './colors.js';
import { ConcurrencyStrip } from './concurrency-strip.js';
import { waitedFor, type Segment } from './critical-path.js';
import { count, duration, ticks } from './format.js';
import { flatten, pathTo, type Forest, type TreeRow } from './tree.js';
import { useWindow } from './use-window.js';

const ROW_HEIGHT = 30;
const AXIS_HEIGHT = 30;
/** What stays above the rows: the times and the strip below them. */
const HEAD_HEIGHT = 54;
/** Deeper levels stay at this indentation, where names could not be read any more. */
const MAX_INDENTED = 16;

interface Props {
  forest: Forest;
  selected: Row | undefined;
  onSelect: (row: Row | undefined) => void;
  /** What was waited for, if it is to be shown. */
  path: ReadonlyMap<string, readonly Segment[]> | undefined;
  /** The rows that a search found, if there is one: the others step back. */
  matches: ReadonlySet<string> | undefined;
}

export function Waterfall({ forest, selected, onSelect, path, matches }: Props) {
  const [closed, setClosed] = useState<ReadonlySet<string>>(new Set());
  const rows = useMemo(() => flatten(forest, closed), [forest, closed]);
  const view = useWindow(rows.length, ROW_HEIGHT, HEAD_HEIGHT);
  const [range, setRange] = useState<readonly [number, number]>();
  const [start, end] = range ?? [forest.start, Math.max(forest.end, forest.start + 0.001)];
  const indexOf = (row: Row | undefined) =>
    row === undefined ? -1 : rows.findIndex((one) => one.row.key === row.key);

  const toggle = (key: string, isOpen?: boolean) => {
    const next = new Set(closed);
    if (isOpen ?? next.has(key)) next.delete(key);
    else next.add(key);
    setClosed(next);
  };

  // A row that was linked to is opened and brought into sight. The key is also where the keyboard is: keys may
  // come faster than the page is drawn.
  const revealed = useRef<string>(undefined);
  const cursor = () => rows.findIndex((one) => one.row.key === (revealed.current ?? selected?.key));
  useEffect(() => {
    if (selected === undefined || revealed.current === selected.key) return;
    const hidden = pathTo(forest, selected.key).filter((key) => closed.has(key));
    if (hidden.length > 0) return setClosed(new Set([...closed].filter((key) => !hidden.includes(key))));
    revealed.current = selected.key;
    view.reveal(indexOf(selected), true);
  });

  const move = (by: number) => {
    const at = cursor();
    const next = rows[Math.max(0, Math.min(rows.length - 1, at + by))];
    if (next === undefined) return;
    revealed.current = next.row.key;
    view.reveal(rows.indexOf(next));
    onSelect(next.row);
  };
  const onKeyDown = (event: KeyboardEvent) => {
    const current = rows[cursor()];
    if (event.key === 'ArrowDown') move(1);
    else if (event.key === 'ArrowUp') move(-1);
    else if (event.key === 'PageDown') move(20);
    else if (event.key === 'PageUp') move(-20);
    else if (event.key === 'Home') move(-rows.length);
    else if (event.key === 'End') move(rows.length);
    else if (event.key === 'ArrowLeft' && current !== undefined) toggle(current.row.key, false);
    else if (event.key === 'ArrowRight' && current !== undefined) toggle(current.row.key, true);
    else return;
    event.preventDefault();
  };

  const isPartial = closed.size > 0;
  return html`
    <div
      class="waterfall"
      ref=${view.ref}
      tabindex="0"
      role="treegrid"
      aria-label="Spans"
      aria-rowcount=${rows.length}
      onKeyDown=${onKeyDown}
    >
      <${Axis}
        start=${start}
        end=${end}
        origin=${forest.start}
        width=${view.width}
        onZoom=${setRange}
        isZoomed=${range !== undefined}
      >
        <span class="axis-title">
          ${count(forest.nodes.size, 'span')}
          <button
            class="plain"
            title=${isPartial ? 'Expand everything' : 'Collapse to the first level'}
            onClick=${() => setClosed(isPartial ? new Set() : new Set(rows.filter((one) => one.children > 0).map((one) => one.row.key)))}
          >
            ${isPartial ? 'expand all' : 'collapse all'}
          </button>
        </span>
      <//>
      ${rows.length > 0 && html`<${ConcurrencyStrip} forest=${forest} start=${start} end=${end} />`}
      ${path !== undefined && html`<${PathSummary} path=${path} forest=${forest} onSelect=${onSelect} />`}
      ${rows.length === 0 && html`<p class="hint">No span of this session has arrived yet.</p>`}
      <div class="rows" style=${{ height: `${rows.length * ROW_HEIGHT}px` }}>
        <div class="grid">
          ${ticksFor(end - start, view.width).map((at) => html`<i style=${{ left: `${(at / (end - start)) * 100}%` }}></i>`)}
        </div>
        ${rows.slice(view.first, view.last).map(
          (one, index) =>
            html`<${SpanRow}
              key=${one.row.key}
              tree=${one}
              index=${view.first + index}
              start=${start}
              end=${end}
              isSelected=${one.row.key === selected?.key}
              isFaint=${(matches !== undefined && !matches.has(one.row.key)) || (path !== undefined && !path.has(one.row.key))}
              segments=${path?.get(one.row.key)}
              onSelect=${() => {
                revealed.current = one.row.key;
                onSelect(one.row);
              }}
              onToggle=${() => toggle(one.row.key)}
            />`,
        )}
      </div>
    </div>
  `;
}

interface RowProps {
  tree: TreeRow;
  index: number;
  start: number;
  end: number;
  isSelected: boolean;
  isFaint: boolean;
  segments: readonly Segment[] | undefined;
  onSelect: () => void;
  onToggle: () => void;
}

function SpanRow({ tree, index, start, end, isSelected, isFaint, segments, onSelect, onToggle }: RowProps) {
  const { row, depth, children, isOpen, calledFrom, isOrphan, startsTrace, errorsBelow } = tree;
  const length = end - start;
  const left = ((row.start - start) / length) * 100;
  const width = ((row.end - row.start) / length) * 100;
  const isVisible = row.end >= start && row.start <= end;
  // The duration stands behind its bar, or where there is no room: before it, or within it.
  const place = left + width <= 80 ? 'after' : left > 25 ? 'before' : 'inside';
  const classes = [
    'row',
    row.error !== null && 'failed',
    isSelected && 'selected',
    startsTrace && index > 0 && 'new-trace',
    isFaint && 'faint',
    segments !== undefined && 'on-path',
  ];
  const toggle = (event: Event) => {
    event.stopPropagation();
    onToggle();
  };
  return html`
    <div
      class=${classes.filter(Boolean).join(' ')}
      role="row"
      aria-level=${depth + 1}
      aria-rowindex=${index + 1}
      aria-selected=${isSelected}
      aria-expanded=${children > 0 ? isOpen : undefined}
      style=${{ ...serviceStyle(row.service), top: `${index * ROW_HEIGHT}px` }}
      onClick=${onSelect}
      onDblClick=${onToggle}
    >
      <div class="row-name" role="gridcell" style=${{ '--depth': String(Math.min(depth, MAX_INDENTED)) }}>
        ${
          children > 0
            ? html`<button
                class=${`fold${isOpen ? ' open' : ''}`}
                tabindex="-1"
                aria-label=${isOpen ? 'collapse' : 'expand'}
                onClick=${toggle}
              ></button>`
            : html`<i class="leaf"></i>`
        }
        ${calledFrom !== undefined && html`<i class="remote" title=${`called from ${calledFrom}`}>↪</i>`}
        ${isOrphan && html`<i class="orphan" title="its parent has not arrived">⋯</i>`}
        <${TypeMark} row=${row} />
        <span class="name" title=${row.name}>${row.name}</span>
        ${(calledFrom !== undefined || depth === 0) && html`<span class="service">${row.service}</span>`}
        ${!isOpen && html`<span class=${`folded${errorsBelow > 0 ? ' error-text' : ''}`}>${tree.descendants}</span>`}
        ${row.error !== null && html`<i class="dot error" title=${row.error}></i>`}
      </div>
      <div class="row-time" role="gridcell">
        ${
          isVisible &&
          html`<div
              class="bar"
              style=${{ left: `${Math.max(0, left)}%`, width: `${Math.min(100, left + width) - Math.max(0, left)}%` }}
            ></div>
            ${segments?.map((segment) => {
              const from = Math.max(0, ((segment.start - start) / length) * 100);
              const to = Math.min(100, ((segment.end - start) / length) * 100);
              return (
                to > from &&
                html`<i class="critical" style=${{ left: `${from}%`, width: `${to - from}%` }}></i>`
              );
            })}
            <span class=${`bar-label ${place}`} style=${labelStyle(place, left, Math.min(100, left + width))}>
              ${duration(row.end - row.start)}
            </span>`
        }
      </div>
    </div>
  `;
}

/** What the session waited for longest. */
function PathSummary({
  path,
  forest,
  onSelect,
}: {
  path: ReadonlyMap<string, readonly Segment[]>;
  forest: Forest;
  onSelect: (row: Row) => void;
}) {
  const waited = waitedFor(path);
  const total = waited.reduce((sum, { time }) => sum + time, 0);
  return html`
    <p class="path-summary">
      <b>Critical path</b>
      ${waited.slice(0, 4).map(({ key, time }) => {
        const row = forest.nodes.get(key)!.row;
        return html`<button class="plain" onClick=${() => onSelect(row)}>
          ${row.name} ${duration(time)} (${((time / total) * 100).toFixed(0)} %)
        </button>`;
      })}
    </p>
  `;
}

function labelStyle(place: string, left: number, right: number): Record<string, string> {
  if (place === 'after') return { left: `${right}%` };
  return { right: `${100 - (place === 'before' ? left : right)}%` };
}

const TYPE_MARKS: Readonly<Record<string, string>> = { model: 'M', tool: 'T', chain: 'C', session: 'S' };

export function TypeMark({ row }: { row: Row }) {
  const title = `${row.type}${row.kind === 'unspecified' || row.kind === 'event' ? '' : `, ${row.kind}`}`;
  return html`<i class=${`type ${row.type}`} title=${title}>${TYPE_MARKS[row.type] ?? '·'}</i>`;
}

/** Times for an axis: about half of the width is names. */
function ticksFor(length: number, width: number): number[] {
  return ticks(length, Math.max(2, Math.floor(width / 170)));
}

interface AxisProps {
  start: number;
  end: number;
  origin: number;
  width: number;
  isZoomed: boolean;
  onZoom: (range: readonly [number, number] | undefined) => void;
  children?: unknown;
}

/** The times above the rows; dragging over them zooms, a double click shows everything again. */
function Axis({ start, end, origin, width, isZoomed, onZoom, children }: AxisProps) {
  const [drag, setDrag] = useState<readonly [number, number]>();
  const length = end - start;
  const offset = start - origin;
  const step = ticksFor(length, width);
  const shareAt = (event: PointerEvent) => {
    const box = (event.currentTarget as HTMLElement).getBoundingClientRect();
    return Math.max(0, Math.min(1, (event.clientX - box.left) / box.width));
  };
  const onUp = () => {
    if (drag !== undefined) {
      const [from, to] = [Math.min(...drag), Math.max(...drag)];
      if (to - from > 0.01) onZoom([start + from * length, start + to * length]);
    }
    setDrag(undefined);
  };
  return html`
    <div class="axis" style=${{ height: `${AXIS_HEIGHT}px` }}>
      <div class="row-name">${children}</div>
      <div
        class="axis-times"
        title="Drag to zoom"
        onPointerDown=${(event: PointerEvent) => {
          (event.currentTarget as HTMLElement).setPointerCapture(event.pointerId);
          const at = shareAt(event);
          setDrag([at, at]);
        }}
        onPointerMove=${(event: PointerEvent) => drag !== undefined && setDrag([drag[0], shareAt(event)])}
        onPointerUp=${onUp}
        onPointerCancel=${() => setDrag(undefined)}
        onDblClick=${() => onZoom(undefined)}
      >
        ${step.map((at) => html`<span class="tick" style=${{ left: `${(at / length) * 100}%` }}>${duration(at + offset)}</span>`)}
        ${drag !== undefined && html`<div class="brush" style=${{ left: `${Math.min(...drag) * 100}%`, width: `${Math.abs(drag[1] - drag[0]) * 100}%` }}></div>`}
        ${isZoomed && html`<button class="plain unzoom" onClick=${() => onZoom(undefined)}>show all</button>`}
      </div>
    </div>
  `;
}
