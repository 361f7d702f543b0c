/**
 * The page's script and style.
 *
 * This file is what runs from sources, as in tests: it bundles the page when it is first asked for. The build puts
 * a module with the finished texts in its place (`.ci/viewer-page.mjs`), so that the package needs neither the
 * bundler nor files beside it.
 */
export interface PageAssets {
  readonly script: string;
  readonly style: string;
}

let assets: Promise<PageAssets> | undefined;

/** The page's texts, bundled once. */
export function loadPageAssets(): Promise<PageAssets> {
  return (assets ??= bundle());
}

async function bundle(): Promise<PageAssets> {
  const bundler = new URL('../../.ci/viewer-page.mjs', import.meta.url).href;
  const { bundlePage } = (await import(bundler)) as { bundlePage: () => Promise<PageAssets> };
  return bundlePage();
}
