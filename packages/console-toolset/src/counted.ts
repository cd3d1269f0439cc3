/** `1 line`, `2 lines`, `12,000 lines`. */
export function counted(count: number, singular: string, plural: string = `${singular}s`): string {
  return `${count.toLocaleString("en-US")} ${count === 1 ? singular : plural}`;
}
