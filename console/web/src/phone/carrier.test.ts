import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { SipSocket } from './carrier'

class Socket {
  readyState = 0
  binaryType = ''
  closed = false
  sent: unknown[] = []
  onopen: (() => void) | null = null
  onmessage: ((message: { data: unknown }) => void) | null = null
  onclose: ((closed: { code: number; reason: string }) => void) | null = null
  send(one: unknown): void { this.sent.push(one) }
  close(): void { this.closed = true; this.readyState = 3 }
  opens(): void { this.readyState = 1; this.onopen?.() }
  dies(): void { this.readyState = 3; this.onclose?.({ code: 1006, reason: '' }) }
}
function set() {
  const sockets: Socket[] = []
  const seen: string[] = []
  const carrier = new SipSocket('wss://meja.kota:8443/api/v1/phone/socket', () => { const one = new Socket(); sockets.push(one); return one as unknown as WebSocket })
  carrier.onconnect = () => seen.push('connect')
  carrier.ondisconnect = () => seen.push('disconnect')
  return { carrier, sockets, seen }
}
beforeEach(() => { vi.useFakeTimers() })
afterEach(() => { vi.useRealTimers() })

it('names itself as JsSIP wants it', () => {
  const { carrier } = set()
  expect([carrier.sip_uri, carrier.via_transport]).toEqual(['sip:meja.kota:8443;transport=ws', 'WSS'])
})
it('is back within a blink, and waits longer the longer it lasts', async () => {
  const { carrier, sockets, seen } = set()
  carrier.connect()
  sockets[0]!.opens()
  sockets[0]!.dies()
  await vi.advanceTimersByTimeAsync(100)
  expect(sockets).toHaveLength(2)
  for (let at = 1; at <= 4; at += 1) { sockets[at]!.dies(); await vi.advanceTimersByTimeAsync(3000) }
  sockets[5]!.opens()
  expect(seen.filter((one) => one === 'connect')).toHaveLength(2)
  expect(carrier.isConnected()).toBe(true)
})
it('gives up a connection that hangs and makes another', async () => {
  const { carrier, sockets } = set()
  carrier.connect()
  await vi.advanceTimersByTimeAsync(4200)
  expect(sockets[0]!.closed).toBe(true)
  expect(sockets).toHaveLength(2)
})
it('once cut, or only finishing, never connects again', async () => {
  const { carrier, sockets } = set()
  carrier.connect()
  sockets[0]!.opens()
  carrier.finish()
  sockets[0]!.dies()
  carrier.connect()
  await vi.advanceTimersByTimeAsync(60_000)
  expect(sockets).toHaveLength(1)
})
it('hears nothing more from a connection that it dropped', async () => {
  const { carrier, sockets, seen } = set()
  carrier.connect()
  sockets[0]!.opens()
  carrier.renew()
  expect(sockets[0]!.closed).toBe(true)
  expect(seen).toEqual(['connect', 'disconnect'])
  expect(sockets).toHaveLength(2)
})
