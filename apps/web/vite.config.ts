import react from "@vitejs/plugin-react";
import { defineConfig } from "vite";

// The server compares `Origin` with `Host`: both stay as the browser sent them.
const API = { target: "http://127.0.0.1:8000", changeOrigin: false };

export default defineConfig({
  plugins: [react()],
  server: {
    proxy: {
      "/sessions": API,
      "/healthz": API,
    },
  },
  build: {
    outDir: "dist",
    // Every asset is a file of this origin: the page's content security policy allows no data URLs.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
  },
});
