'use strict'
const { monitorEventLoopDelay } = require('node:perf_hooks')

/** How often the histogram looks whether timers are late, in milliseconds: rarely, for it wakes an idle process. */
const resolution = 50
const perMillisecond = 1e6

/**
 * Gives what was used since it was asked before, in the order of `sampleFields` (launcher/wire.ts): CPU as a share of one
 * core, resident bytes, mean and 99th percentile of the event loop's delay in milliseconds, messages sent and
 * received a second.
 * @param {{ counts: { sent: number, received: number }, now: () => number }} parts `now` in milliseconds, never backwards
 */
function createSampler({ counts, now }) {
  const delay = monitorEventLoopDelay({ resolution })
  delay.enable()
  let before = { at: now(), cpu: process.cpuUsage(), ...counts }
  return function sample() {
    const at = now()
    const used = process.cpuUsage(before.cpu)
    const seconds = Math.max(0.001, (at - before.at) / 1000)
    const sent = (counts.sent - before.sent) / seconds
    const received = (counts.received - before.received) / seconds
    before = { at, cpu: process.cpuUsage(), ...counts }
    // The histogram holds the time between two looks.
    const mean = Math.max(0, delay.mean / perMillisecond - resolution)
    const p99 = Math.max(0, delay.percentile(99) / perMillisecond - resolution)
    delay.reset()
    const cpu = (used.user + used.system) / 1e6 / seconds
    return [cpu, process.memoryUsage.rss(), Number.isNaN(mean) ? 0 : mean, p99, sent, received]
  }
}

module.exports = { createSampler }
