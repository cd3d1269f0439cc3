const ALLOWED_SCHEMES = new Set(["http:", "https:", "mailto:"]);

/**
 * The address of a link that may be followed, or `null`. What an agent writes may come from a file
 * or a page that somebody else wrote; only whole addresses of known kinds leave this page.
 */
export function safeHref(address: string): string | null {
  const url = URL.parse(address);
  return url !== null && ALLOWED_SCHEMES.has(url.protocol) ? url.href : null;
}
