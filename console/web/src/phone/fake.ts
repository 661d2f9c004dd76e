/** A telephone of the tests: it does nothing by itself, and remembers what was asked of it. */
import type { Agent, Carrier, MakeAgent, Session } from './sip'

type Listener = (data: never) => void
class Speaking {
  private readonly listeners = new Map<string, Listener[]>()
  on(event: string, run: Listener): void { this.listeners.set(event, [...(this.listeners.get(event) ?? []), run]) }
  tell(event: string, data: unknown = {}): void { for (const run of this.listeners.get(event) ?? []) run(data as never) }
}
export class FakeSession extends Speaking implements Session {
  readonly direction = 'incoming'
  readonly connection = null
  asked: string[] = []
  over = false
  willing = true
  answer(): void { this.asked.push('answer') }
  terminate(options?: { status_code?: number }): void {
    this.asked.push(`terminate${options?.status_code ?? ''}`)
    this.over = true
    this.tell('ended', { cause: 'Terminated' })
  }
  mute(): void { this.asked.push('mute') }
  unmute(): void { this.asked.push('unmute') }
  hold(): boolean { this.asked.push('hold'); if (this.willing) this.tell('hold', { originator: 'local' }); return this.willing }
  unhold(): boolean { this.asked.push('unhold'); if (this.willing) this.tell('unhold', { originator: 'local' }); return this.willing }
  renegotiate(_options?: object, done?: () => void): boolean { this.asked.push('renegotiate'); if (this.willing) done?.(); return this.willing }
  sendDTMF(tones: string): void { this.asked.push(`dtmf${tones}`) }
  isEnded(): boolean { return this.over }
  bye(): void { this.over = true; this.tell('ended', { cause: 'Terminated' }) }
}
export class FakeAgent extends Speaking implements Agent {
  asked: string[] = []
  registered = false
  start(): void { this.asked.push('start') }
  stop(): void { this.asked.push('stop') }
  register(): void { this.asked.push('register') }
  isRegistered(): boolean { return this.registered }
  takes(): void { this.registered = true; this.tell('registered') }
  loses(): void { this.registered = false; this.tell('disconnected'); this.tell('unregistered') }
  invites(session: FakeSession): void { this.tell('newRTCSession', { originator: 'remote', session }) }
}
export class FakeCarrier implements Carrier {
  heard = 0
  asked: string[] = []
  renew(): void { this.asked.push('renew') }
  finish(): void { this.asked.push('finish') }
  cut(): void { this.asked.push('cut') }
}
export interface Fakes { agents: FakeAgent[]; carriers: FakeCarrier[]; make: MakeAgent }
export function fakes(): Fakes {
  const made: Fakes = {
    agents: [], carriers: [],
    make: () => {
      const agent = new FakeAgent()
      const carrier = new FakeCarrier()
      made.agents.push(agent)
      made.carriers.push(carrier)
      return Promise.resolve({ agent, carrier })
    },
  }
  return made
}
