/** What the driver and the image of an instance agree on. */

/** The instance's directory: launcher and Node-RED keep everything there. */
export const dataFolder = '/data'
/** Where the launcher writes what Node-RED and it say. */
export const logFile = `${dataFolder}/console.log`
/** A folder in memory, for what must stand on no disk. */
export const runtimeFolder = '/run/weir'
/** What the launcher waits for before it does anything (launcher/wire.ts, `LauncherBootstrap`). */
export const bootstrapFile = `${runtimeFolder}/launcher.json`
/** The user and group that everything runs as. */
export const user = 1000
/** Every container has ports of its own: Node-RED's, and the admin API's at the usual distance. */
export const nodeRedPort = 1880
/** The folder whose node_modules holds node-red, and the Node.js that runs it. */
export const stackFolder = '/opt/node-red'
export const nodeProgram = '/usr/local/bin/node'
