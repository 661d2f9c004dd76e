import vue from '@vitejs/plugin-vue'
import { defineConfig } from 'vitest/config'

// The console serves what stands in ../static; everything is a file of our own origin, because the
// page's Content-Security-Policy forbids inline scripts, inline styles and data: fonts.
export default defineConfig({
  plugins: [vue()],
  base: '/',
  build: { outDir: '../static', emptyOutDir: true, assetsInlineLimit: 0, target: 'es2022', reportCompressedSize: true },
  server: { proxy: { '/api': { target: process.env.PSAP_CONSOLE ?? 'http://127.0.0.1:8112', ws: true } } },
  test: { environment: 'node', include: ['src/**/*.test.ts'] },
})
