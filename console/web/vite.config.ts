import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { brotliCompressSync, constants, gzipSync } from 'node:zlib'
import vue from '@vitejs/plugin-vue'
import type { Plugin } from 'vite'
import { defineConfig } from 'vitest/config'

/** Beside each text file its .br and .gz, squeezed once as hard as it goes: the console hands them out as they lie there. */
const compressed = (): Plugin => ({
  name: 'compressed',
  apply: 'build',
  closeBundle() {
    const folder = resolve(import.meta.dirname, '../static')
    for (const name of readdirSync(folder, { recursive: true, encoding: 'utf8' })) {
      if (!/\.(js|css|html|svg|json)$/.test(name)) continue
      const whole = readFileSync(resolve(folder, name))
      writeFileSync(resolve(folder, `${name}.gz`), gzipSync(whole, { level: 9 }))
      writeFileSync(resolve(folder, `${name}.br`), brotliCompressSync(whole, { params: { [constants.BROTLI_PARAM_SIZE_HINT]: whole.length } }))
    }
  },
})

// The console serves what stands in ../static; everything is a file of our own origin, because the
// page's Content-Security-Policy forbids inline scripts, inline styles and data: fonts.
export default defineConfig({
  plugins: [vue(), compressed()],
  base: '/',
  build: { outDir: '../static', emptyOutDir: true, assetsInlineLimit: 0, target: 'es2022', reportCompressedSize: true },
  server: { proxy: { '/api': { target: process.env.PSAP_CONSOLE ?? 'http://127.0.0.1:8112', ws: true } } },
  test: { environment: 'node', include: ['src/**/*.test.ts'] },
})
