/** The stream of events; while it is away, the queue is asked for every two seconds. */
import type { LiveEvent } from '../api/types'
import type { StateNow } from '../lib/banner'

export type Link = 'connecting' | 'live' | 'polling'
export interface FeedHandlers {
  event(event: LiveEvent): void
  /** What was missed cannot be replayed: fetch everything anew. */
  reset(): void
  poll(): Promise<void>
  /** How every part is: asked for again and again, which also proves that the server lives. */
  state(now: StateNow): void
  /** The connection is there, but nobody answers on it. */
  silent(): void
  /** `degraded`: the console is there, but its own source of events (Redis) is not. */
  link(state: Link, degraded: boolean): void
}
const POLL_MS = 2000
const ASK_MS = 3000
const SILENT_MS = 4500
const RETRY_MS = [500, 1000, 2000, 4000]

export class Feed {
  private socket: WebSocket | null = null
  private seq: string | null = null
  private stopped = false
  private tries = 0
  private pollTimer: ReturnType<typeof setTimeout> | null = null
  private askTimer: ReturnType<typeof setTimeout> | null = null

  constructor(private readonly handlers: FeedHandlers) {}

  start(): void {
    this.handlers.link('connecting', false)
    this.connect()
  }

  stop(): void {
    this.stopped = true
    this.stopPolling()
    this.stopAsking()
    this.socket?.close()
  }

  private connect(): void {
    if (this.stopped) return
    const after = this.seq ? `?after=${encodeURIComponent(this.seq)}` : ''
    const scheme = location.protocol === 'https:' ? 'wss' : 'ws'
    const socket = new WebSocket(`${scheme}://${location.host}/api/v1/events${after}`)
    this.socket = socket
    socket.onopen = () => {
      this.tries = 0
      this.stopPolling()
      this.handlers.link('live', false)
      this.ask(socket)
      // The first snapshot may be older than the stream's start: ask once more, now that nothing can slip between.
      if (!this.seq) this.handlers.reset()
    }
    socket.onmessage = (message) => {
      let event: LiveEvent
      try { event = JSON.parse(String(message.data)) as LiveEvent } catch { return }
      if (event.seq) this.seq = event.seq
      if (event.type === 'state') {
        this.handlers.state(event.data as StateNow)
        this.later(() => this.ask(socket), ASK_MS)
        return
      }
      if (event.type === 'degraded') { this.handlers.link('polling', true); this.startPolling(); return }
      if (event.type === 'reset') {
        this.seq = null
        this.stopPolling()
        this.handlers.link('live', false)
        this.handlers.reset()
        return
      }
      this.handlers.event(event)
    }
    socket.onclose = () => this.lost(socket)
  }

  private lost(socket: WebSocket): void {
    if (this.stopped || this.socket !== socket) return
    this.socket = null
    this.stopAsking()
    this.handlers.link('polling', false)
    this.startPolling()
    const wait = RETRY_MS[Math.min(this.tries, RETRY_MS.length - 1)] ?? 4000
    this.tries += 1
    setTimeout(() => this.connect(), wait)
  }

  /** Ask how every part is. A server that hangs keeps its connections open: only silence shows it. */
  private ask(socket: WebSocket): void {
    if (this.stopped || this.socket !== socket || socket.readyState !== WebSocket.OPEN) return
    socket.send('state')
    this.later(() => {
      if (this.stopped || this.socket !== socket) return
      this.handlers.silent()
      this.lost(socket)
      socket.close()
    }, SILENT_MS)
  }

  private later(run: () => void, ms: number): void {
    this.stopAsking()
    this.askTimer = setTimeout(run, ms)
  }

  private stopAsking(): void {
    if (this.askTimer !== null) clearTimeout(this.askTimer)
    this.askTimer = null
  }

  private startPolling(): void {
    if (this.pollTimer !== null || this.stopped) return
    const round = async (): Promise<void> => {
      await this.handlers.poll()
      if (this.pollTimer !== null) this.pollTimer = setTimeout(() => void round(), POLL_MS)
    }
    this.pollTimer = setTimeout(() => void round(), 0)
  }

  private stopPolling(): void {
    if (this.pollTimer !== null) clearTimeout(this.pollTimer)
    this.pollTimer = null
  }
}
