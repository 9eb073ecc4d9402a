// sqs-consumer as published: batches, heartbeats, failures, stopping in the middle of a poll.
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { CreateQueueCommand, DeleteQueueCommand, GetQueueAttributesCommand, SendMessageBatchCommand } from '@aws-sdk/client-sqs'
import { Consumer } from 'sqs-consumer'
import { connect, eventually, unique } from '../helpers.js'

const client = connect()

async function filled(count, attributes = {}) {
  const { QueueUrl } = await client.send(new CreateQueueCommand({ QueueName: unique(), Attributes: attributes }))
  for (let start = 0; start < count; start += 10) {
    const Entries = Array.from({ length: Math.min(10, count - start) }, (_, i) => ({ Id: `${i}`, MessageBody: `${start + i}` }))
    await client.send(new SendMessageBatchCommand({ QueueUrl, Entries }))
  }
  return QueueUrl
}

async function counts(QueueUrl) {
  const { Attributes } = await client.send(new GetQueueAttributesCommand({ QueueUrl, AttributeNames: ['All'] }))
  return [Attributes.ApproximateNumberOfMessages, Attributes.ApproximateNumberOfMessagesNotVisible].map(Number)
}

const empty = (url) => eventually('the queue is empty', async () => (await counts(url)).every((count) => count === 0))

describe('sqs-consumer', () => {
  it('handles every message and deletes it', async () => {
    const url = await filled(50)
    const seen = []
    const consumer = Consumer.create({ sqs: client, queueUrl: url, batchSize: 10, handleMessage: async (message) => { seen.push(Number(message.Body)); return message } })
    consumer.on('error', () => {})
    consumer.start()
    await empty(url)
    consumer.stop({ abort: true })
    assert.deepEqual(seen.sort((a, b) => a - b), Array.from({ length: 50 }, (_, i) => i))
    await client.send(new DeleteQueueCommand({ QueueUrl: url }))
  })

  it('handles batches', async () => {
    const url = await filled(30)
    const seen = []
    const consumer = Consumer.create({ sqs: client, queueUrl: url, batchSize: 10, handleMessageBatch: async (messages) => { seen.push(...messages); return messages } })
    consumer.start()
    await empty(url)
    consumer.stop({ abort: true })
    assert.equal(new Set(seen.map((one) => one.MessageId)).size, 30)
    await client.send(new DeleteQueueCommand({ QueueUrl: url }))
  })

  it('gets a failed message again at once when it gives it back', async () => {
    const url = await filled(1)
    let tries = 0
    const consumer = Consumer.create({
      sqs: client, queueUrl: url, terminateVisibilityTimeout: true,
      handleMessage: async (message) => { if (++tries < 3) throw new Error('not yet'); return message },
    })
    consumer.on('processing_error', () => {})
    consumer.on('error', () => {})
    consumer.start()
    await empty(url)
    consumer.stop({ abort: true })
    assert.equal(tries, 3)
    await client.send(new DeleteQueueCommand({ QueueUrl: url }))
  })

  it('keeps a message with heartbeats', async () => {
    const url = await filled(1, { VisibilityTimeout: '2' })
    let tries = 0
    const consumer = Consumer.create({
      sqs: client, queueUrl: url, visibilityTimeout: 2, heartbeatInterval: 1,
      handleMessage: async (message) => { tries++; await new Promise((resolve) => setTimeout(resolve, 3500)); return message },
    })
    consumer.start()
    await eventually('it is being handled', () => tries === 1)
    await empty(url)
    consumer.stop({ abort: true })
    assert.equal(tries, 1)
    await client.send(new DeleteQueueCommand({ QueueUrl: url }))
  })
})
