// Builds the dashboard into `dist/`: relative addresses, one script, one lazy chart chunk, styles in the page.
import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { defineConfig } from 'vite';

const api = process.env.MOODBRIDGE_API ?? 'http://127.0.0.1:8080';

/** Puts the styles into the page, so that the first paint does not wait for them, and its script beside it. */
function finishPage() {
  return {
    name: 'finish-page',
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
      html = html.replace(/<script>([\s\S]*?)<\/script>/, (_script, source) => {
        const script = this.emitFile({ type: 'asset', name: 'theme.js', source: `${source}\n` });
        return `<script src="./${this.getFileName(script)}"></script>`;
      });
      page.source = withContentPolicy(html);
    },
  };
}

/** Adds a policy that allows the page's own files, and its inline styles by their hash. */
function withContentPolicy(html) {
  const styles = [...html.matchAll(/<style>([\s\S]*?)<\/style>/g)]
    .map(([, style]) => `'sha256-${createHash('sha256').update(style).digest('base64')}'`);
  const policy = [
    "default-src 'none'",
    "script-src 'self'",
    `style-src 'self' ${styles.join(' ')}`,
    "img-src 'self' data:",
    'connect-src *',
    "base-uri 'none'",
    "form-action 'none'",
  ].join('; ');
  return html.replace('<title>', () => `<meta http-equiv="Content-Security-Policy" content="${policy}">\n    <title>`);
}

/** Writes a compressed copy beside each file that gains by it, for servers that hand those out. */
function compressedCopies() {
  return {
    name: 'compressed-copies',
    apply: 'build',
    async writeBundle({ dir }, bundle) {
      for (const file of Object.keys(bundle)) {
        if (!/\.(html|js|css|svg)$/.test(file)) continue;
        const path = join(dir, file);
        writeFileSync(`${path}.gz`, gzipSync(readFileSync(path), { level: 9 }));
      }
    },
  };
}

export default defineConfig({
  base: './',
  plugins: [finishPage(), compressedCopies()],
  oxc: { jsx: { runtime: 'automatic', importSource: 'preact' } },
  build: { target: 'es2022', assetsInlineLimit: 0, cssCodeSplit: false, modulePreload: { polyfill: false } },
  test: { include: ['test/**/*.test.ts'] },
  server: { port: 5173, proxy: { '/v1': { target: api, changeOrigin: true }, '/auth': { target: api, changeOrigin: true, headers: { origin: api } } } },
});
