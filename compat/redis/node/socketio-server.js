// One Socket.IO server of a test, a process of its own: the first argument says which adapter. Commands come through IPC.
import { createServer } from 'node:http'
import { Server } from 'socket.io'
import { createAdapter, createShardedAdapter } from '@socket.io/redis-adapter'
import { Redis } from 'ioredis'
import { createClient, createCluster } from 'redis'
import { address } from './helpers.js'

const [kind, prefix] = process.argv.slice(2)

/** The adapter of a kind, named as the test names it. */
async function adapter() {
  if (kind === 'classic with ioredis') {
    const client = new Redis(address('TRINE_REDIS'))
    return createAdapter(client, client.duplicate(), { key: prefix, requestsTimeout: 3000 })
  }
  if (kind === 'classic with node-redis') {
    const client = createClient({ socket: address('TRINE_REDIS') })
    const subscriber = client.duplicate()
    await Promise.all([client.connect(), subscriber.connect()])
    return createAdapter(client, subscriber, { key: prefix, requestsTimeout: 3000 })
  }
  if (kind === 'sharded with node-redis') {
    const client = createClient({ socket: address('TRINE_REDIS') })
    const subscriber = client.duplicate()
    await Promise.all([client.connect(), subscriber.connect()])
    return createShardedAdapter(client, subscriber, { channelPrefix: prefix, subscriptionMode: 'dynamic' })
  }
  const { host, port } = address('TRINE_REDIS_CLUSTER')
  const make = () => createCluster({ rootNodes: [{ url: `redis://${host}:${port}` }] })
  const [client, subscriber] = [make(), make()]
  await Promise.all([client.connect(), subscriber.connect()])
  return createShardedAdapter(client, subscriber, { channelPrefix: prefix, subscriptionMode: 'dynamic' })
}

const http = createServer()
const io = new Server(http, { adapter: await adapter() })
io.on('connection', (socket) => {
  socket.on('join', (room, done) => Promise.resolve(socket.join(room)).then(() => done()))
  socket.on('say', (room, text) => socket.to(room).emit('said', text))
})
const notes = []
io.on('note', (text) => notes.push(text))

const commands = {
  emit: (event, text) => io.emit(event, text),
  emitTo: (room, event, text) => io.to(room).emit(event, text),
  fetch: async (room) => (await (room ? io.in(room) : io).fetchSockets()).map((socket) => socket.id).sort(),
  servers: () => io.of('/').adapter.serverCount(),
  join: (from, to) => io.in(from).socketsJoin(to),
  disconnect: (room) => io.in(room).disconnectSockets(true),
  note: (text) => io.serverSideEmit('note', text),
  notes: () => notes,
  ask: (room, text) => io.to(room).timeout(3000).emitWithAck('question', text),
}
process.on('message', async ({ id, name, args }) => {
  try {
    const result = await commands[name](...args)
    process.send({ id, result: ['fetch', 'servers', 'notes', 'ask'].includes(name) ? result : null })
  } catch (error) {
    process.send({ id, error: String(error) })
  }
})
process.on('disconnect', () => process.exit(0))
http.listen(0, '127.0.0.1', () => process.send({ port: http.address().port }))
