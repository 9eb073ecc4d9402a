// What the suites share: addresses, unique names, and waiting for something that must happen.
import { randomUUID } from 'node:crypto'

export const PATIENCE_MS = 10_000

/** {host, port} of an environment variable like TRINE_REDIS. */
export function address(variable) {
  const [host, port] = process.env[variable].split(/:(?=\d+$)/)
  return { host, port: Number(port) }
}

/** A name that no other test and no earlier run has used. */
export const unique = (kind = 'c') => `${kind}-${randomUUID().slice(0, 12)}`

/** Asks until the answer is yes; the error names what was waited for. */
export async function eventually(what, check) {
  const end = Date.now() + PATIENCE_MS
  for (;;) {
    if (await check()) return
    if (Date.now() > end) throw new Error(`not within ${PATIENCE_MS} ms: ${what}`)
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
}

/** Fields of the line of CLIENT LIST that has this name, or undefined. */
export function clientNamed(list, name) {
  const lines = list.split('\n').map((line) => Object.fromEntries(line.split(' ').map((word) => word.split(/=(.*)/s).slice(0, 2))))
  return lines.find((line) => line.name === name)
}

export const range = (from, to) => Array.from({ length: to - from }, (_, i) => String(from + i))
