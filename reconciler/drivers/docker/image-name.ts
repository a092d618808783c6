/** With the tag that the engine's own program adds where neither tag nor digest is named: a pull takes all tags there. Pure. */
export function tagged(image: string): string {
  const last = image.slice(image.lastIndexOf('/') + 1)
  return last.includes(':') || last.includes('@') ? image : `${image}:latest`
}
