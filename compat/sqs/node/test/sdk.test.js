// Every action through the AWS SDK v3, which checks the checksums of bodies by itself and knows errors by their type.
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import * as sqs from '@aws-sdk/client-sqs'
import { connect, eventually, unique } from '../helpers.js'

const client = connect()
const call = (name, input) => client.send(new sqs[`${name}Command`](input))
const create = async (attributes = {}, suffix = '', tags) => (await call('CreateQueue', { QueueName: unique(suffix), Attributes: attributes, tags })).QueueUrl
const arnOf = async (url) => (await call('GetQueueAttributes', { QueueUrl: url, AttributeNames: ['QueueArn'] })).Attributes.QueueArn

describe('AWS SDK v3', () => {
  it('creates, finds, lists, tags, purges and deletes queues', async () => {
    const url = await create({ VisibilityTimeout: '5' }, '', { env: 'dev' })
    const name = url.split('/').pop()
    assert.equal(new URL(url).host, process.env.TRINE_AWS)
    assert.equal((await call('GetQueueUrl', { QueueName: name })).QueueUrl, url)
    assert.deepEqual((await call('ListQueues', { QueueNamePrefix: name })).QueueUrls, [url])
    await call('TagQueue', { QueueUrl: url, Tags: { a: 'b' } })
    await call('UntagQueue', { QueueUrl: url, TagKeys: ['env'] })
    assert.deepEqual((await call('ListQueueTags', { QueueUrl: url })).Tags, { a: 'b' })
    await call('SetQueueAttributes', { QueueUrl: url, Attributes: { VisibilityTimeout: '7' } })
    assert.equal((await call('GetQueueAttributes', { QueueUrl: url, AttributeNames: ['All'] })).Attributes.VisibilityTimeout, '7')
    await call('AddPermission', { QueueUrl: url, Label: 'one', AWSAccountIds: ['111111111111'], Actions: ['SendMessage'] })
    await call('RemovePermission', { QueueUrl: url, Label: 'one' })
    await call('SendMessage', { QueueUrl: url, MessageBody: 'x' })
    await call('PurgeQueue', { QueueUrl: url })
    assert.equal((await call('ReceiveMessage', { QueueUrl: url })).Messages, undefined)
    await call('DeleteQueue', { QueueUrl: url })
    await assert.rejects(call('GetQueueUrl', { QueueName: name }), sqs.QueueDoesNotExist)
  })

  it('sends, receives, changes and deletes messages', async () => {
    const url = await create()
    const MessageAttributes = {
      text: { DataType: 'String', StringValue: '\u20ac\r\n<&>' },
      bytes: { DataType: 'Binary', BinaryValue: Uint8Array.from({ length: 256 }, (_, i) => i) },
    }
    const body = 'caf\u00e9 \u{1f600}\r\n"<&>"'
    const sent = await call('SendMessage', { QueueUrl: url, MessageBody: body, MessageAttributes })
    const { Messages: [message] } = await call('ReceiveMessage', {
      QueueUrl: url, MessageSystemAttributeNames: ['All'], MessageAttributeNames: ['All'], WaitTimeSeconds: 2,
    })
    assert.equal(message.MessageId, sent.MessageId)
    assert.equal(message.Body, body)
    assert.equal(message.MD5OfMessageAttributes, sent.MD5OfMessageAttributes)
    assert.deepEqual(message.MessageAttributes.bytes.BinaryValue, MessageAttributes.bytes.BinaryValue)
    assert.equal(message.Attributes.ApproximateReceiveCount, '1')
    await call('ChangeMessageVisibility', { QueueUrl: url, ReceiptHandle: message.ReceiptHandle, VisibilityTimeout: 0 })
    const again = (await call('ReceiveMessage', { QueueUrl: url, WaitTimeSeconds: 2 })).Messages[0]
    await call('DeleteMessage', { QueueUrl: url, ReceiptHandle: again.ReceiptHandle })
    await assert.rejects(call('DeleteMessage', { QueueUrl: url, ReceiptHandle: 'rubbish' }), sqs.ReceiptHandleIsInvalid)
    await call('DeleteQueue', { QueueUrl: url })
  })

  it('sends and deletes in batches that fail in part', async () => {
    const url = await create()
    const Entries = Array.from({ length: 9 }, (_, i) => ({ Id: `e${i}`, MessageBody: `body ${i}` }))
    const answer = await call('SendMessageBatch', { QueueUrl: url, Entries: [...Entries, { Id: 'bad', MessageBody: 'x', DelaySeconds: 1000 }] })
    assert.equal(answer.Successful.length, 9)
    assert.deepEqual(answer.Failed.map((one) => [one.Id, one.SenderFault]), [['bad', true]])
    const { Messages } = await call('ReceiveMessage', { QueueUrl: url, MaxNumberOfMessages: 10 })
    assert.deepEqual(Messages.map((one) => one.Body), Entries.map((one) => one.MessageBody))
    const changed = await call('ChangeMessageVisibilityBatch', {
      QueueUrl: url, Entries: Messages.map((one, i) => ({ Id: `c${i}`, ReceiptHandle: one.ReceiptHandle, VisibilityTimeout: 100 })),
    })
    assert.equal(changed.Successful.length, 9)
    const deleted = await call('DeleteMessageBatch', {
      QueueUrl: url, Entries: [...Messages.map((one, i) => ({ Id: `d${i}`, ReceiptHandle: one.ReceiptHandle })), { Id: 'junk', ReceiptHandle: 'junk' }],
    })
    assert.deepEqual([deleted.Successful.length, deleted.Failed[0].Code], [9, 'ReceiptHandleIsInvalid'])
    await assert.rejects(call('SendMessageBatch', { QueueUrl: url, Entries: [] }), sqs.EmptyBatchRequest)
    await assert.rejects(call('SendMessageBatch', { QueueUrl: url, Entries: Array.from({ length: 11 }, (_, i) => ({ Id: `${i}`, MessageBody: 'x' })) }), sqs.TooManyEntriesInBatchRequest)
    await call('DeleteQueue', { QueueUrl: url })
  })

  it('keeps FIFO order and drops duplicates', async () => {
    const url = await create({ FifoQueue: 'true', ContentBasedDeduplication: 'true' }, '.fifo')
    for (const body of ['a', 'b', 'a', 'c']) await call('SendMessage', { QueueUrl: url, MessageBody: body, MessageGroupId: 'g' })
    const { Messages } = await call('ReceiveMessage', { QueueUrl: url, MaxNumberOfMessages: 10, ReceiveRequestAttemptId: 'one' })
    assert.deepEqual(Messages.map((one) => one.Body), ['a', 'b', 'c'])
    await call('DeleteQueue', { QueueUrl: url })
  })

  it('moves dead letters and brings them back', async () => {
    const [dead, url] = [await create(), await create()]
    const SourceArn = await arnOf(dead)
    await call('SetQueueAttributes', { QueueUrl: url, Attributes: { RedrivePolicy: JSON.stringify({ deadLetterTargetArn: SourceArn, maxReceiveCount: 1 }) } })
    assert.deepEqual((await call('ListDeadLetterSourceQueues', { QueueUrl: dead })).queueUrls, [url])
    await call('SendMessage', { QueueUrl: url, MessageBody: 'poison' })
    await call('ReceiveMessage', { QueueUrl: url, VisibilityTimeout: 0 })
    await eventually('it is dead', async () => {
      await call('ReceiveMessage', { QueueUrl: url, VisibilityTimeout: 0 })
      return (await call('GetQueueAttributes', { QueueUrl: dead, AttributeNames: ['All'] })).Attributes.ApproximateNumberOfMessages === '1'
    })
    assert.ok((await call('StartMessageMoveTask', { SourceArn })).TaskHandle)
    await eventually('the task is complete', async () => (await call('ListMessageMoveTasks', { SourceArn })).Results[0].Status === 'COMPLETED')
    assert.equal((await call('ReceiveMessage', { QueueUrl: url, WaitTimeSeconds: 5 })).Messages[0].Body, 'poison')
    await assert.rejects(call('CancelMessageMoveTask', { TaskHandle: 'rubbish' }), { name: /InvalidParameterValue/ })
    await assert.rejects(call('StartMessageMoveTask', { SourceArn: `${SourceArn}-nosuch` }), sqs.ResourceNotFoundException)
    await call('DeleteQueue', { QueueUrl: url })
    await call('DeleteQueue', { QueueUrl: dead })
  })

  it('cuts a long poll off without losing what comes', async () => {
    const url = await create()
    const abort = new AbortController()
    const poll = client.send(new sqs.ReceiveMessageCommand({ QueueUrl: url, WaitTimeSeconds: 20 }), { abortSignal: abort.signal })
    setTimeout(() => abort.abort(), 200)
    await assert.rejects(poll, { name: 'AbortError' })
    await call('SendMessage', { QueueUrl: url, MessageBody: 'x' })
    const { Messages } = await call('ReceiveMessage', { QueueUrl: url, WaitTimeSeconds: 5, MessageSystemAttributeNames: ['All'] })
    assert.deepEqual([Messages[0].Body, Messages[0].Attributes.ApproximateReceiveCount], ['x', '1'])
    await call('DeleteQueue', { QueueUrl: url })
  })
})
