/**
 * The engine that a test project runs on. The suite runs twice, once per decorator protocol; the two runs take one
 * engine each, so that every test has seen both.
 */
export const TEST_ENGINE = (globalThis as unknown as { SPANWISE_TEST_ENGINE: 'spanwise' | 'sdk' })
  .SPANWISE_TEST_ENGINE;
