// What the suites share.
import { randomUUID } from 'node:crypto'
import { SQSClient } from '@aws-sdk/client-sqs'

export const PATIENCE_MS = 20_000

/** A client as an application makes it. */
export const connect = () => new SQSClient({
  endpoint: `http://${process.env.TRINE_AWS}`,
  region: 'us-east-1',
  credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
  maxAttempts: 1,
})

/** A name that no other test and no earlier run has used. */
export const unique = (suffix = '') => `node-${randomUUID()}${suffix}`

/** Asks until the answer is yes; the error names what was waited for. */
export async function eventually(what, check) {
  const end = Date.now() + PATIENCE_MS
  while (!(await check())) {
    if (Date.now() > end) throw new Error(`not within ${PATIENCE_MS} ms: ${what}`)
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}
