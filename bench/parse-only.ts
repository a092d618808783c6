/** The limit of a cold dry run: a process that merely parses the YAML files below a folder. Prints milliseconds as JSON. */
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { parseAllDocuments } from 'yaml'

const [directory] = process.argv.slice(2)
if (directory === undefined) throw new Error('which folder?')

const names = (await readdir(directory, { recursive: true })).filter(
  (name) => name.endsWith('.yaml') && !name.startsWith('.git'),
)
const texts: string[] = []
for (const name of names) texts.push(await readFile(join(directory, name), 'utf8'))
const begun = performance.now()
for (const text of texts) parseAllDocuments(text)
process.stdout.write(JSON.stringify({ parseMs: performance.now() - begun }))
