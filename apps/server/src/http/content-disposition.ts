/**
 * `Content-Disposition` for a file to be saved under this name: as it is for today's browsers
 * (RFC 5987), and an ASCII likeness for the rest.
 */
export function attachmentNamed(name: string): string {
  const wellFormed = name.toWellFormed();
  const ascii = wellFormed.replaceAll(/[^ !#-[\]-~]|%/g, "_");
  const encoded = encodeURIComponent(wellFormed).replaceAll(
    /['()*]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  );
  return `attachment; filename="${ascii}"; filename*=UTF-8''${encoded}`;
}
