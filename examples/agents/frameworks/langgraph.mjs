/** A LangGraph of two nodes with a fake model, and OpenInference's instrumentation of LangChain. */
import { LangChainInstrumentation } from '@arizeai/openinference-instrumentation-langchain';
import * as callbackManager from '@langchain/core/callbacks/manager';
import { awaitAllCallbacks } from '@langchain/core/callbacks/promises';
import { FakeListChatModel } from '@langchain/core/utils/testing';
import { Annotation, END, START, StateGraph } from '@langchain/langgraph';

const State = Annotation.Root({ question: Annotation(), found: Annotation(), answer: Annotation() });

export const name = 'LangGraph';
export const expected = ['LangGraph', 'look_up', 'answer_it', 'FakeListChatModel'];

/** In ESM, OpenInference is handed the module that it instruments. */
export function connect() {
  new LangChainInstrumentation().manuallyInstrument(callbackManager);
  const graph = new StateGraph(State)
    .addNode('look_up', async ({ question }) => {
      await new Promise((resolve) => setTimeout(resolve, 2));
      return { found: `contents of ${ticketIn(question)}` };
    })
    .addNode('answer_it', async ({ question, found }) => {
      const model = new FakeListChatModel({ responses: [`It is about ${ticketIn(question)}.`] });
      const { content } = await model.invoke(`${question} ${found}`);
      return { answer: content };
    })
    .addEdge(START, 'look_up')
    .addEdge('look_up', 'answer_it')
    .addEdge('answer_it', END)
    .compile();
  return {
    ask: async (question) => (await graph.invoke({ question })).answer,
    settle: awaitAllCallbacks,
  };
}

function ticketIn(text) {
  return /ticket-\d+/.exec(text)[0];
}
