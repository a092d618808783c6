/** Flows that end Node-RED soon after they have started. */
export const deadly = [
  { id: 'tab', type: 'tab', label: 'Flow' },
  {
    id: 'in',
    type: 'inject',
    z: 'tab',
    props: [],
    once: true,
    onceDelay: '0.1',
    wires: [['fn']],
  },
  {
    id: 'fn',
    type: 'function',
    z: 'tab',
    func: "Promise.reject(new Error('out of control'))",
    wires: [],
    libs: [],
  },
]
