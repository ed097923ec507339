// Builds the dashboard into `dist/`: relative addresses, one script, one lazy chart chunk, styles in the page.
import { createHash } from 'node:crypto';
import { defineConfig } from 'vite';

const api = process.env.MOODBRIDGE_API ?? 'http://127.0.0.1:8080';

/** Puts the styles into the page, so that the first paint waits for one answer only. */
function stylesInPage() {
  return {
    name: 'styles-in-page',
    apply: 'build',
    enforce: 'post',
    generateBundle(_options, bundle) {
      const page = bundle['index.html'];
      if (page?.type !== 'asset') return;
      let html = String(page.source);
      for (const [file, part] of Object.entries(bundle)) {
        if (part.type !== 'asset' || !file.endsWith('.css')) continue;
        const link = new RegExp(`\\s*<link rel="stylesheet"[^>]*href="[^"]*${file.split('/').pop()}"[^>]*>`);
        if (!link.test(html)) continue;
        html = html.replace(link, '').replace('</head>', () => `<style>${String(part.source).trim()}</style></head>`);
        delete bundle[file];
      }
      page.source = withContentPolicy(html);
    },
  };
}

/** Adds a policy that allows this page's own inline parts by their hash, and nothing else inline. */
function withContentPolicy(html) {
  const hashes = (tag) =>
    [...html.matchAll(new RegExp(`<${tag}>([\\s\\S]*?)</${tag}>`, 'g'))]
      .map((found) => `'sha256-${createHash('sha256').update(found[1] ?? '').digest('base64')}'`)
      .join(' ');
  const policy = [
    "default-src 'none'",
    `script-src 'self' ${hashes('script')}`,
    `style-src 'self' ${hashes('style')}`,
    "img-src 'self' data:",
    'connect-src *',
    "base-uri 'none'",
    "form-action 'none'",
  ].join('; ');
  return html.replace('<title>', () => `<meta http-equiv="Content-Security-Policy" content="${policy}">\n    <title>`);
}

export default defineConfig({
  base: './',
  plugins: [stylesInPage()],
  oxc: { jsx: { runtime: 'automatic', importSource: 'preact' } },
  build: { target: 'es2022', assetsInlineLimit: 0, cssCodeSplit: false, modulePreload: { polyfill: false } },
  test: { include: ['test/**/*.test.ts'] },
  server: { port: 5173, proxy: { '/v1': { target: api, changeOrigin: true } } },
});
