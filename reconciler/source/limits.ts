/** What one revision may hold. Beyond these a source says so instead of using up memory. */

/** The largest file that is read, in bytes; a larger one is listed as skipped. */
export const largestFile = 5 * 1024 * 1024

/** The most files a revision may hold below the source path. */
export const mostFiles = 100_000

/** The most symbolic links that are followed from one path, as Linux does (ELOOP). */
export const mostLinkHops = 40

/** The most bytes that are read at once. */
export const largestRead = 512 * 1024 * 1024
