/** Flows with one HTTP endpoint that answers with the value of an expression, as a function node may write it. */
export function answeringFlow(path: string, expression: string) {
  return [
    { id: 'tab', type: 'tab', label: 'Flow' },
    { id: 'in', type: 'http in', z: 'tab', url: path, method: 'get', wires: [['fn']] },
    {
      id: 'fn',
      type: 'function',
      z: 'tab',
      func: `msg.payload = ${expression}; return msg`,
      wires: [['out']],
      libs: [],
    },
    { id: 'out', type: 'http response', z: 'tab', wires: [] },
  ]
}

/** A flows file whose `/hello` answers with a variable of the environment. */
export function greetingFlows(variable = 'GREETING'): string {
  return JSON.stringify(answeringFlow('/hello', `env.get('${variable}')`))
}

/** What answers at a URL; the words of the error where nothing does. */
export async function textAt(url: string): Promise<string> {
  return fetch(url).then(
    async (response) => response.text(),
    (error: unknown) => String(error),
  )
}
