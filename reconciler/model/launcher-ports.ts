/** The admin port of a launcher: this many above the port of its editor. */
export const adminPortOffset = 1000
