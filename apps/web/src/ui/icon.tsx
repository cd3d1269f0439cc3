import type { ReactElement } from "react";

const PATHS = {
  alert:
    "M8 5v3.5M8 11h.01M7.1 2.4 1.6 12a1 1 0 0 0 .9 1.5h11a1 1 0 0 0 .9-1.5L8.9 2.4a1 1 0 0 0-1.8 0Z",
  "arrow-down": "M8 3v10M4 9l4 4 4-4",
  "arrow-left": "M13 8H3M7 4 3 8l4 4",
  "arrow-up": "M8 13V3M4 7l4-4 4 4",
  check: "m3 8.5 3.2 3L13 4.5",
  chevron: "m6 4 4 4-4 4",
  close: "m4 4 8 8M12 4l-8 8",
  copy: "M5.5 5.5V3.5a1 1 0 0 1 1-1h6a1 1 0 0 1 1 1v6a1 1 0 0 1-1 1h-2M3.5 5.5h6a1 1 0 0 1 1 1v6a1 1 0 0 1-1 1h-6a1 1 0 0 1-1-1v-6a1 1 0 0 1 1-1Z",
  download: "M8 2.5v8M4.5 7 8 10.5 11.5 7M2.5 13.5h11",
  edit: "m10.5 3 2.5 2.5L5.5 13H3v-2.5L10.5 3Z",
  file: "M9 1.5H4.5a1 1 0 0 0-1 1v11a1 1 0 0 0 1 1h7a1 1 0 0 0 1-1V5L9 1.5ZM9 1.5V5h3.5",
  folder: "M1.5 4a1 1 0 0 1 1-1h3.3l1.7 2h6a1 1 0 0 1 1 1v6.5a1 1 0 0 1-1 1h-11a1 1 0 0 1-1-1V4Z",
  plus: "M8 3v10M3 8h10",
  refresh:
    "M13.5 3v3.5H10M2.5 13V9.5H6M3.3 6.5a5 5 0 0 1 8.7-1.6l1.5 1.6M2.5 9.5 4 11.1a5 5 0 0 0 8.7-1.6",
  search: "M7 12A5 5 0 1 0 7 2a5 5 0 0 0 0 10ZM10.6 10.6 14 14",
  shield: "M8 1.5 2.5 3.5v4c0 3.3 2.3 5.8 5.5 7 3.2-1.2 5.5-3.7 5.5-7v-4L8 1.5Z",
  terminal: "m3 4.5 3.5 3.5L3 11.5M8.5 12H13",
  tool: "M9.5 2a3.8 3.8 0 0 0-3.3 5.4L2 11.6 4.4 14l4.2-4.2A3.8 3.8 0 0 0 14 6.2L11.8 8.4 9.3 7.8 7.6 6.7l2.2-2.2L9.5 2Z",
  trash: "M2.5 4h11M6 4V2.5h4V4M4 4l.7 9.5h6.6L12 4M6.7 6.5v4.5M9.3 6.5v4.5",
  upload: "M8 10.5v-8M4.5 6 8 2.5 11.5 6M2.5 13.5h11",
  user: "M8 8a3 3 0 1 0 0-6 3 3 0 0 0 0 6ZM2.5 14c.5-2.7 2.7-4 5.5-4s5 1.3 5.5 4",
} as const;

export type IconName = keyof typeof PATHS;

/** Decoration only: the control around it has the name. */
export function Icon({ name }: { name: IconName }): ReactElement {
  return (
    <svg className="icon" viewBox="0 0 16 16" width="16" height="16" aria-hidden="true">
      <path d={PATHS[name]} />
    </svg>
  );
}
