import react from "@vitejs/plugin-react";
import { defineConfig } from "vite";

// As the server reads it: an empty variable counts as not set.
const SERVER_PORT = process.env["PORT"] || "8000";

// The server compares `Origin` with `Host`: both stay as the browser sent them.
const API = { target: `http://127.0.0.1:${SERVER_PORT}`, changeOrigin: false };

export default defineConfig({
  plugins: [react()],
  server: {
    proxy: {
      "/sessions": API,
      "/admin": API,
      "/healthz": API,
      "/openapi.json": API,
    },
  },
  build: {
    outDir: "dist",
    // Every asset is a file of this origin: the page's content security policy allows no data URLs.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
  },
});
