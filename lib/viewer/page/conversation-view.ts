/** What models were told and said, as people read it. */
import { html } from 'htm/preact';
import { useState } from 'preact/hooks';
import type { Conversation, ConversationMessage } from '../page-model.js';
import { useConversation } from './api.js';
import { serviceStyle } from './colors.js';
import { amount, count, duration } from './format.js';

interface Props {
  sessionId: string;
  revision: number;
  origin: number;
  onSelect: (key: string) => void;
}

const LONG_TEXT = 1_500;

export function ConversationView({ sessionId, revision, origin, onSelect }: Props) {
  const conversation = useConversation(sessionId, revision);
  if (conversation === undefined) return html`<p class="hint">…</p>`;
  const { turns, total } = conversation;
  return html`
    <div class="conversation" tabindex="0" role="feed" aria-label="Conversation">
      ${turns.length === 0 && html`<p class="hint">No span of this session is a model’s (event type “model”).</p>`}
      ${turns.map((turn) => html`<${Turn} key=${turn.key} turn=${turn} origin=${origin} onSelect=${onSelect} />`)}
      ${total > turns.length && html`<p class="hint">${count(total - turns.length, 'further call')} not shown.</p>`}
    </div>
  `;
}

interface TurnProps {
  turn: Conversation['turns'][number];
  origin: number;
  onSelect: (key: string) => void;
}

function Turn({ turn, origin, onSelect }: TurnProps) {
  const { key, name, service, model, start, end, error, tokens, cost, input, output } = turn;
  return html`
    <article class="turn" style=${serviceStyle(service)} aria-label=${name}>
      <header class="facts">
        <button class="plain turn-name" title="Show the span" onClick=${() => onSelect(key)}>${name}</button>
        <span class="service">${service}</span>
        ${model !== null && html`<span class="tag">${model}</span>`}
        <span>after ${duration(start - origin)}</span>
        <span><b>${duration(end - start)}</b></span>
        ${tokens !== null && html`<span>${count(tokens, 'token')}</span>`}
        ${cost !== null && html`<span>cost ${amount(cost)}</span>`}
      </header>
      ${input.map((message) => html`<${Message} message=${message} />`)}
      ${output.map((message) => html`<${Message} message=${message} isAnswer=${true} />`)}
      ${error !== null && html`<p class="message failure" role="alert">${error}</p>`}
      ${input.length + output.length === 0 && error === null && html`<p class="hint">Inputs and outputs were not recorded.</p>`}
    </article>
  `;
}

function Message({ message, isAnswer = false }: { message: ConversationMessage; isAnswer?: boolean }) {
  const [isAll, setAll] = useState(false);
  const { role, text, isData } = message;
  const shown = isAll ? text : text.slice(0, LONG_TEXT);
  return html`
    <div class=${`message ${isAnswer ? 'answer' : 'asked'} ${isData ? 'data' : ''}`}>
      <b>${role}</b>
      <div>
        ${shown}
        ${shown.length < text.length && html`… <button class="plain" onClick=${() => setAll(true)}>${count(text.length - shown.length, 'more character')}</button>`}
      </div>
    </div>
  `;
}
