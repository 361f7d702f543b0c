import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { context } from '@opentelemetry/api';
import {
  BehaviorSubject,
  catchError,
  concat,
  connectable,
  defer,
  EMPTY,
  finalize,
  firstValueFrom,
  from,
  interval,
  isObservable,
  lastValueFrom,
  map,
  merge,
  NEVER,
  Observable,
  of,
  range,
  repeat,
  ReplaySubject,
  retry,
  share,
  shareReplay,
  Subject,
  switchMap,
  take,
  tap,
  throwError,
  timer,
  toArray,
} from 'rxjs';
import { endOpenRuns } from '../../lib/span/settle.js';
import { active, inConsumer, Recorder, useContexts } from './settle-harness.js';

let recorder: Recorder;
beforeEach(() => {
  useContexts();
  recorder = new Recorder();
});
afterEach(() => {
  endOpenRuns();
  context.disable();
});

const emitting = (...values: number[]): Observable<string> =>
  new Observable((subscriber) => {
    for (const value of values) subscriber.next(`${value} ${active()}`);
    subscriber.complete();
  });

describe('an Observable', () => {
  it('runs nothing before it is subscribed to, then its body in the span and its consumer outside', () => {
    let subscribed = 0;
    const traced = recorder.trace(() => defer(() => (subscribed++, emitting(1, 2))))();
    expect([subscribed, ...recorder.ends]).toEqual([0, 'open']);
    const seen: unknown[] = [];
    inConsumer(() =>
      traced.subscribe({
        next: (value) => seen.push(value, active()),
        complete: () => seen.push(`complete ${active()}`),
      }),
    );
    expect(seen).toEqual(['1 body', 'consumer', '2 body', 'consumer', 'complete consumer']);
    expect([subscribed, ...recorder.ends]).toEqual([1, 'succeed']);
  });

  it('keeps the two sides apart through operators', async () => {
    const seen = await inConsumer(() =>
      lastValueFrom(
        recorder
          .trace(() => emitting(1))()
          .pipe(
            map((value) => `${value} ${active()}`),
            toArray(),
          ),
      ),
    );
    expect(seen).toEqual(['1 body consumer']);
    expect(recorder.ends).toEqual(['succeed']);
  });

  it('has a run for each subscription, under the same parent', async () => {
    const traced = recorder.trace(() => emitting(1))();
    traced.subscribe();
    traced.subscribe();
    await lastValueFrom(traced);
    expect(recorder.runs.map(({ name }) => name)).toEqual(['body', 'body+', 'body++']);
    expect(recorder.ends).toEqual(['succeed', 'succeed', 'succeed']);
  });

  it('ends with the last value, or with chunks for aggregate', async () => {
    recorder
      .trace(() => of(1, 2))()
      .subscribe();
    recorder
      .trace(() => of(1, 2), 'body', true)()
      .subscribe();
    expect(recorder.runs.map(({ ends }) => ends[0]?.value)).toEqual([2, undefined]);
    expect(recorder.runs[1]?.chunks).toEqual([1, 2]);
  });

  it('fails with its error, is cancelled by unsubscribing and by operators that have enough', async () => {
    const error = new Error('no');
    await expect(lastValueFrom(recorder.trace(() => throwError(() => error))())).rejects.toBe(error);
    recorder
      .trace(() => NEVER)()
      .subscribe()
      .unsubscribe();
    await lastValueFrom(
      recorder
        .trace(() => interval(1))()
        .pipe(take(2)),
    );
    await firstValueFrom(recorder.trace(() => timer(0, 1))());
    expect(recorder.ends).toEqual(['fail', 'cancel', 'cancel', 'cancel']);
    expect(recorder.value()).toBe(error);
  });

  it('that is infinite and synchronous stops when its consumer has enough', async () => {
    const endless = new Observable<number>((subscriber) => {
      for (let i = 0; !subscriber.closed; i++) subscriber.next(i);
    });
    expect(
      await lastValueFrom(
        recorder
          .trace(() => endless)()
          .pipe(take(3), toArray()),
      ),
    ).toEqual([0, 1, 2]);
    expect(await firstValueFrom(recorder.trace(() => range(0, Infinity))())).toBe(0);
    expect(recorder.ends).toEqual(['cancel', 'cancel']);
  });

  it('is an Observable to rxjs and to instanceof', () => {
    const traced = recorder.trace(() => of(1))();
    expect(traced).toBeInstanceOf(Observable);
    expect(isObservable(traced)).toBe(true);
    expect(from(traced)).toBe(traced);
    expect(traced.pipe()).toBe(traced);
  });

  it.each<[string, (source: Observable<number>) => Observable<unknown>, unknown[], string[]]>([
    ['switchMap', (s) => of(1).pipe(switchMap(() => s)), [1, 2], ['succeed']],
    ['concat', (s) => concat(s, s), [1, 2, 1, 2], ['succeed', 'succeed']],
    ['merge', (s) => merge(s, EMPTY), [1, 2], ['succeed']],
    ['repeat', (s) => s.pipe(repeat(2)), [1, 2, 1, 2], ['succeed', 'succeed']],
    ['finalize', (s) => s.pipe(finalize(() => {})), [1, 2], ['succeed']],
    ['defer', (s) => defer(() => s), [1, 2], ['succeed']],
    ['tap', (s) => s.pipe(tap({ next: () => {} })), [1, 2], ['succeed']],
    ['catchError', (s) => throwError(() => 1).pipe(catchError(() => s)), [1, 2], ['succeed']],
    ['share', (s) => s.pipe(share()), [1, 2], ['succeed']],
    ['shareReplay', (s) => s.pipe(shareReplay(1)), [1, 2], ['succeed']],
  ])('passes through %s', async (_name, through, values, ends) => {
    expect(await lastValueFrom(through(of(1, 2)).pipe(toArray()))).toEqual(values);
    expect(await lastValueFrom(through(recorder.trace(() => of(1, 2))()).pipe(toArray()))).toEqual(values);
    expect(recorder.ends).toEqual(ends);
  });

  it('is retried with a run for each attempt', async () => {
    let attempts = 0;
    const traced = recorder.trace(() =>
      defer(() => (++attempts < 3 ? throwError(() => new Error(`no ${attempts}`)) : of('yes'))),
    )();
    expect(await lastValueFrom(traced.pipe(retry(5)))).toBe('yes');
    expect(recorder.ends).toEqual(['fail', 'fail', 'succeed']);
  });

  it('shared by its body has one source, and a run for each subscriber', async () => {
    let sources = 0;
    const shared = recorder.trace(() => defer(() => (sources++, timer(1))).pipe(share()))();
    await Promise.all([lastValueFrom(shared), lastValueFrom(shared)]);
    expect(sources).toBe(1);
    expect(recorder.ends).toEqual(['succeed', 'succeed']);
  });

  it('takes callbacks and partial observers as rxjs does', () => {
    const seen: unknown[] = [];
    const traced = recorder.trace(() => of(1))();
    traced.subscribe((value) => seen.push(value));
    traced.subscribe({ complete: () => seen.push('complete') });
    traced.subscribe(undefined);
    traced.subscribe(
      (value) => seen.push(value),
      null,
      () => seen.push('done'),
    );
    const observer = {
      seen: [] as number[],
      next(value: number) {
        this.seen.push(value);
      },
    };
    traced.subscribe(observer);
    expect(seen).toEqual([1, 'complete', 1, 'done']);
    expect(observer.seen).toEqual([1]);
  });

  it('returned by two traced methods ends both spans with one subscription', () => {
    const inner = recorder.trace(() => emitting(1), 'inner');
    const traced = recorder.trace(() => inner(), 'outer')();
    const seen: unknown[] = [];
    traced.subscribe((value) => seen.push(value));
    expect(seen).toEqual(['1 inner']);
    expect(recorder.ends).toEqual(['succeed', 'succeed']);
    traced.subscribe();
    expect(recorder.runs.map(({ name }) => name).sort()).toEqual(['inner', 'inner+', 'outer', 'outer+']);
  });
});

describe('a Subject', () => {
  it('keeps its state and methods, and does not trace strangers who subscribe to the original', () => {
    const subject = new BehaviorSubject(1);
    const traced = recorder.trace(() => subject)();
    expect(traced).toBeInstanceOf(BehaviorSubject);
    expect(traced.value).toBe(1);
    const seen: number[] = [];
    subject.subscribe();
    traced.subscribe((value) => seen.push(value));
    traced.next(2);
    subject.next(3);
    expect(seen).toEqual([1, 2, 3]);
    expect([subject.value, traced.value, traced.observed]).toEqual([3, 3, true]);
    expect(recorder.ends).toEqual(['open']);
    traced.complete();
    expect(recorder.ends).toEqual(['succeed']);
    expect(Object.getOwnPropertyNames(subject)).not.toContain('subscribe');
  });

  it('can be followed by asObservable, and may replay', () => {
    const subject = new ReplaySubject<number>(1);
    subject.next(1);
    const seen: number[] = [];
    recorder
      .trace(() => subject)()
      .asObservable()
      .subscribe((value) => seen.push(value));
    subject.complete();
    expect(seen).toEqual([1]);
    expect(recorder.ends).toEqual(['succeed']);
  });

  it('may be connectable', () => {
    const traced = recorder.trace(() => connectable(of(1, 2), { connector: () => new Subject() }))();
    const seen: unknown[] = [];
    traced.subscribe((value) => seen.push(value));
    expect(seen).toEqual([]);
    traced.connect();
    expect(seen).toEqual([1, 2]);
    expect(recorder.ends).toEqual(['succeed']);
  });

  it('may be of a class with private members', () => {
    class Store extends BehaviorSubject<number> {
      #writes = 0;
      write(value: number): number {
        this.next(value);
        return ++this.#writes;
      }
      get writes(): number {
        return this.#writes;
      }
    }
    const traced = recorder.trace(() => new Store(0))();
    expect([traced.write(5), traced.writes, traced.value]).toEqual([1, 1, 5]);
    expect(traced.write).toBe(traced.write);
    traced.subscribe().unsubscribe();
    expect(recorder.ends).toEqual(['cancel']);
  });
});

describe('an Observable inside a promise', () => {
  it('keeps the span open to its completion', async () => {
    const inner = await recorder.trace(async () => emitting(1))();
    expect(recorder.ends).toEqual(['open']);
    expect(await lastValueFrom(inner)).toBe('1 body');
    expect(recorder.ends).toEqual(['succeed']);
  });
});
