// SPDX-License-Identifier: Apache-2.0
// How the studio is bundled: everything from its own origin, since the server's content policy allows nothing else.
import { defineConfig } from "vite";

const backend = process.env.ZEROCONV_URL ?? "http://127.0.0.1:7860";

export default defineConfig({
  esbuild: { jsx: "automatic", jsxImportSource: "preact" },
  // Inlined fonts and scripts would be data: addresses, which the content policy forbids.
  build: { target: "es2022", assetsInlineLimit: 0, chunkSizeWarningLimit: 700, manifest: true },
  server: {
    proxy: {
      "/api": { target: backend, ws: true },
      "/health": backend,
      "/metrics": backend,
      "/openapi.json": backend,
    },
  },
});
