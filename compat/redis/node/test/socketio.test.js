// Socket.IO with its Redis adapter on two processes: rooms, broadcasts, and what the servers ask each other.
import assert from 'node:assert/strict'
import { fork } from 'node:child_process'
import { describe, it, before, after } from 'node:test'
import { fileURLToPath } from 'node:url'
import { io } from 'socket.io-client'
import { eventually, unique } from '../helpers.js'

const SERVER = fileURLToPath(new URL('../socketio-server.js', import.meta.url))

/** A server process and how to call it. */
class Server {
  constructor(kind, prefix) {
    this.waiting = new Map()
    this.process = fork(SERVER, [kind, prefix])
    this.port = new Promise((resolve, reject) => {
      this.process.on('exit', (code) => reject(new Error(`the server ended with ${code}`)))
      this.process.on('message', (message) => {
        if (message.port) return resolve(message.port)
        const { done, fail } = this.waiting.get(message.id)
        this.waiting.delete(message.id)
        message.error ? fail(new Error(message.error)) : done(message.result)
      })
    })
    this.next = 0
  }

  call(name, ...args) {
    const id = this.next++
    this.process.send({ id, name, args })
    return new Promise((done, fail) => this.waiting.set(id, { done, fail }))
  }
}

for (const kind of ['classic with ioredis', 'classic with node-redis', 'sharded with node-redis', 'sharded on a cluster']) {
  describe(`Socket.IO, ${kind}`, () => {
    let servers, clients
    const heard = []

    before(async () => {
      const prefix = unique('socket.io')
      servers = [new Server(kind, prefix), new Server(kind, prefix)]
      const ports = await Promise.all(servers.map((server) => server.port))
      await eventually('the servers know each other', async () => (await servers[0].call('servers')) === 2 && (await servers[1].call('servers')) === 2)
      clients = []
      for (let number = 0; number < 6; number++) {
        const client = io(`http://127.0.0.1:${ports[number % 2]}`, { transports: ['websocket'], reconnection: false })
        clients.push(client)
        heard.push([])
        client.on('news', (text) => heard[number].push(text))
        client.on('said', (text) => heard[number].push(text))
        client.on('question', (text, answer) => answer(`${text} ${number}`))
        await new Promise((resolve, reject) => client.on('connect', resolve).on('connect_error', reject))
      }
      // 0, 1, 2 and 3 are in the room: two on each server.
      await Promise.all(clients.slice(0, 4).map((client) => client.emitWithAck('join', 'room')))
      await eventually('both servers see the room', async () => (await servers[1].call('fetch', 'room')).length === 4 && (await servers[0].call('fetch', 'room')).length === 4)
    })

    after(() => {
      clients?.forEach((client) => client.disconnect())
      servers?.forEach((server) => server.process.kill())
    })

    it('broadcasts to everybody, in order', async () => {
      const texts = Array.from({ length: 50 }, (_, i) => `all-${i}`)
      for (const text of texts) await servers[0].call('emit', 'news', text)
      await eventually('all heard all', () => heard.every((one) => one.filter((t) => t.startsWith('all-')).length === texts.length))
      for (const one of heard) assert.deepEqual(one.filter((t) => t.startsWith('all-')), texts)
    })

    it('broadcasts to a room', async () => {
      await servers[1].call('emitTo', 'room', 'news', 'room-1')
      await servers[0].call('emit', 'news', 'after-room')
      await eventually('the room heard it', () => heard.slice(0, 4).every((one) => one.includes('room-1')))
      await eventually('everybody heard the next', () => heard.every((one) => one.includes('after-room')))
      assert.ok(heard.slice(4).every((one) => !one.includes('room-1')))
    })

    it('leaves out the sender', async () => {
      clients[0].emit('say', 'room', 'from-0')
      await eventually('the others heard it', () => heard.slice(1, 4).every((one) => one.includes('from-0')))
      assert.ok(!heard[0].includes('from-0'))
    })

    it('counts servers and fetches sockets of both', async () => {
      assert.equal(await servers[0].call('servers'), 2)
      const ids = clients.map((client) => client.id).sort()
      assert.deepEqual(await servers[0].call('fetch'), ids)
      assert.deepEqual(await servers[1].call('fetch'), ids)
    })

    it('lets sockets of both servers join a room', async () => {
      await servers[0].call('join', 'room', 'second')
      const members = clients.slice(0, 4).map((client) => client.id).sort()
      await eventually('all four are in', async () => JSON.stringify(await servers[1].call('fetch', 'second')) === JSON.stringify(members))
    })

    it('collects answers of clients on both servers', async () => {
      assert.deepEqual((await servers[1].call('ask', 'room', 'who')).sort(), ['who 0', 'who 1', 'who 2', 'who 3'])
    })

    it('passes notes between servers', async () => {
      await servers[0].call('note', 'hello')
      await eventually('the other has it', async () => (await servers[1].call('notes')).includes('hello'))
      assert.deepEqual(await servers[0].call('notes'), [])
    })

    it('disconnects sockets of both servers', async () => {
      const gone = clients.slice(0, 4).map((client) => new Promise((resolve) => client.on('disconnect', resolve)))
      await servers[0].call('disconnect', 'room')
      await Promise.all(gone)
      assert.ok(clients[4].connected && clients[5].connected)
    })

    it('notices a server that is gone', async () => {
      servers[1].process.kill('SIGKILL')
      await eventually('one server is left', async () => (await servers[0].call('servers')) === 1)
      assert.deepEqual(await servers[0].call('fetch'), [clients[4].id])
    })
  })
}
