import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import "../ui/tokens.css";
import "../ui/base.css";
import "../ui/controls.css";
import { App } from "./app.tsx";

const root = document.querySelector("#root");
if (!root) throw new Error("index.html has no element #root.");
createRoot(root).render(
  <StrictMode>
    <App />
  </StrictMode>,
);
