/** The configuration: options of `SessionTracer.init`, and what is to be instrumented. */
import { ExpressInstrumentation, ExpressLayerType } from '@opentelemetry/instrumentation-express';
import { HttpInstrumentation } from '@opentelemetry/instrumentation-http';
import type { RegisterConfig } from 'spanwise/register';
import { recordSpans } from 'spanwise/testing';

// An application has no need of this: the example prints the spans that it also sends.
const spans = recordSpans();
process.once('SIGTERM', () => {
  console.log(spans.tree());
  process.exit();
});

export default {
  project: 'examples',
  spanProcessors: [spans],
  instrumentations: [
    new HttpInstrumentation(),
    new ExpressInstrumentation({ ignoreLayersType: [ExpressLayerType.MIDDLEWARE, ExpressLayerType.ROUTER] }),
  ],
} satisfies RegisterConfig;
