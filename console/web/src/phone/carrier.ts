/** The telephone's WebSocket. JsSIP's own waits two seconds and more before it tries again; a caller may be talking. */
import type { Carrier } from './sip'

const RETRY_MS = [100, 300, 700, 1500, 3000]
const PATIENCE_MS = 4000

/** A JsSIP `Socket`: connects, and connects again by itself until it is cut. */
export class SipSocket implements Carrier {
  readonly sip_uri: string
  via_transport = 'WS'
  heard = 0
  onconnect: () => void = () => {}
  ondisconnect: (error: boolean, code?: number, reason?: string) => void = () => {}
  ondata: (data: unknown) => void = () => {}
  private socket: WebSocket | null = null
  private wanted = false
  private over = false
  private tries = 0
  private timer: ReturnType<typeof setTimeout> | undefined

  constructor(readonly url: string, private readonly make: (url: string) => WebSocket = (to) => new WebSocket(to, 'sip')) {
    const { host, protocol } = new URL(url)
    this.sip_uri = `sip:${host};transport=ws`
    this.via_transport = protocol === 'wss:' ? 'WSS' : 'WS'
  }

  connect(): void {
    if (this.over || this.socket) return
    this.wanted = true
    clearTimeout(this.timer)
    let socket: WebSocket
    try { socket = this.make(this.url) } catch { this.later(); return }
    this.socket = socket
    socket.binaryType = 'arraybuffer'
    // A network that swallows everything lets a connection hang for minutes.
    const patience = setTimeout(() => this.gone(socket, 1006), PATIENCE_MS)
    socket.onopen = () => { clearTimeout(patience); if (this.socket === socket) { this.tries = 0; this.heard = Date.now(); this.onconnect() } }
    socket.onmessage = (message) => { if (this.socket === socket) { this.heard = Date.now(); this.ondata(message.data) } }
    socket.onclose = (closed) => { clearTimeout(patience); this.gone(socket, closed.code, closed.reason) }
  }

  disconnect(): void {
    this.wanted = false
    clearTimeout(this.timer)
    this.drop()
  }

  send(message: string | ArrayBufferLike | Blob | ArrayBufferView): boolean {
    if (this.socket?.readyState !== 1) return false
    this.socket.send(message as string)
    return true
  }

  isConnected(): boolean { return this.socket?.readyState === 1 }
  isConnecting(): boolean { return this.socket?.readyState === 0 }

  renew(): void {
    if (this.socket) this.gone(this.socket, 1006)
    if (this.wanted) { clearTimeout(this.timer); this.connect() }
  }

  finish(): void {
    this.over = true
    this.wanted = false
  }

  cut(): void {
    this.over = true
    this.disconnect()
  }

  private drop(): void {
    const socket = this.socket
    this.socket = null
    if (!socket) return
    socket.onopen = socket.onmessage = socket.onclose = null
    socket.close()
  }

  private gone(socket: WebSocket, code: number, reason = ''): void {
    if (this.socket !== socket) return
    this.drop()
    if (this.wanted) this.later()
    this.ondisconnect(true, code, reason)
  }

  private later(): void {
    clearTimeout(this.timer)
    this.timer = setTimeout(() => { if (this.wanted) this.connect() }, RETRY_MS[Math.min(this.tries, RETRY_MS.length - 1)])
    this.tries += 1
  }
}
