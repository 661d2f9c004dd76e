/** One telephone: a registration, at most one conversation, and what is done when the network takes either away. */
import { IDLE, step, type Happening, type State } from './machine'
import type { Agent, Carrier, Credentials, MakeAgent, Session } from './sip'

/** What the page around the telephone does for it. */
export interface Page {
  state(now: State): void
  /** Called when an INVITE is there; the ring waits for it, so that the caller's facts are on the screen first. */
  beforeRing(): Promise<void>
  /** The caller's sound. */
  heard(stream: MediaStream): void
  /** A conversation, or a ring, is over; `cause` as JsSIP names it. */
  gone(cause: string): void
  /** The exchange wants other credentials. */
  refused(status: number | null): void
}
/** JsSIP takes a conversation for dead when a request of it finds no socket: none is sent while the line is lost. */
const RENEW_EVERY_MS = 400
const RENEW_TIMES = 15
const ANSWER_MS = 2500
const AGAIN_MS = [1000, 2000, 4000, 8000]
/** All that is gathered is our own addresses, known at once; what comes later the exchange learns from our packets. */
const GATHER_MS = 15
const LINGER_MS = 2000
const TONE = { duration: 120, interToneGap: 80, transportType: 'RFC2833' }

export class Telephone {
  state: State = IDLE
  session: Session | null = null
  private agent: Agent | null = null
  private carrier: Carrier | null = null
  /** The connection of a conversation that goes on although another page is the telephone by now. */
  private older: Carrier | null = null
  private microphone: MediaStream | null = null
  private mine: MediaStreamTrack[] = []
  private refusals = 0
  private timers = new Set<ReturnType<typeof setTimeout>>()

  /** No STUN: nobody outside is asked where we are. */
  private way: RTCConfiguration = { iceServers: [], bundlePolicy: 'max-bundle', rtcpMuxPolicy: 'require' }

  constructor(private readonly make: MakeAgent, private readonly page: Page) {}

  get talking(): boolean { return this.state.talk === 'talking' || this.state.talk === 'answering' }
  /** A socket that brought nothing for long may be dead; when something last came in. */
  get carrierHeard(): number { return this.carrier?.heard ?? 0 }
  /** What is sent to the caller: the conversation's own copies of the microphone. */
  get sent(): MediaStream | null { return this.mine.length ? new MediaStream(this.mine) : null }

  /** Register. Resolves at once; `state` tells how it goes. */
  async open(who: Credentials, microphone: MediaStream): Promise<void> {
    this.microphone = microphone
    if (this.agent) return
    this.happens({ what: 'open' })
    await this.certify()
    const { agent, carrier } = await this.make(who)
    if (this.state.line === 'idle') { carrier.cut(); return }
    this.agent = agent
    this.carrier = carrier
    const own = (run: (data: never) => void) => (data: never): void => { if (this.agent === agent) run(data) }
    agent.on('registered', own(() => { this.refusals = 0; this.happens({ what: 'registered' }); this.renew() }))
    agent.on('disconnected', own(() => this.happens({ what: 'lost' })))
    agent.on('unregistered', own(() => this.happens({ what: 'lost' })))
    agent.on('registrationFailed', own((data: { response?: { status_code?: number } | null }) => this.refused(data.response?.status_code ?? null)))
    // JsSIP leaves the refresh to whoever listens: an older connection must not take the registration back
    agent.on('registrationExpiring', own(() => agent.register()))
    agent.on('newRTCSession', own((data: { session: Session; originator: string }) => { if (data.originator === 'remote') void this.rings(data.session) }))
    agent.start()
  }

  /** Another microphone from now on, in the conversation as well. */
  async speakInto(microphone: MediaStream): Promise<void> {
    this.microphone = microphone
    const sender = this.session?.connection?.getSenders().find((one) => one.track?.kind === 'audio')
    if (!sender || !this.talking) return
    const old = this.mine
    this.mine = copies(microphone)
    for (const track of this.mine) track.enabled = old[0]?.enabled ?? true
    await sender.replaceTrack(this.mine[0] ?? null)
    for (const track of old) track.stop()
  }

  /** No longer the telephone. A conversation is hung up, unless it is to be left to `finish` by itself or to the exchange. */
  close(how: 'hang-up' | 'finish' | 'leave' = 'hang-up', why?: string): void {
    for (const timer of this.timers) clearTimeout(timer)
    this.timers.clear()
    const { agent, carrier } = this
    this.agent = null
    this.carrier = null
    this.happens({ what: 'closed', ...(why ? { why } : {}) })
    if (how === 'finish' && this.talking) {
      // The socket stays for the caller's BYE; the newer telephone has the registration already.
      this.older?.cut()
      carrier?.finish()
      this.older = carrier
      return
    }
    // Without a word on the socket the exchange takes us for dead and gives the caller to the next call taker.
    if (how === 'leave' && this.talking) carrier?.cut()
    else agent?.stop()
    this.ended('closed')
  }

  answer(): void {
    const { session } = this
    if (this.state.talk !== 'ringing' || !session || !this.microphone) return
    this.mine = copies(this.microphone)
    this.happens({ what: 'answers' })
    session.answer({ mediaStream: new MediaStream(this.mine), pcConfig: this.way })
  }

  hangUp(): void {
    const { session } = this
    if (!session || session.isEnded()) return
    session.terminate()
  }

  mute(on: boolean): void {
    if (!this.talking) return
    if (on) this.session?.mute({ audio: true })
    else this.session?.unmute({ audio: true })
    this.happens({ what: 'muted', on })
  }

  /** Whether it could be asked for: not while the line is lost, nor while another change is on its way. */
  hold(on: boolean): boolean {
    if (this.state.talk !== 'talking' || this.state.line === 'lost' || !this.state.settled || !this.session) return false
    return on ? this.session.hold() : this.session.unhold()
  }

  key(tone: string): void {
    if (this.state.talk === 'talking' && /^[0-9*#]$/.test(tone)) this.session?.sendDTMF(tone, TONE)
  }

  /** The network may have changed: prove the socket, and make another one where nothing answers. */
  check(): void {
    const { agent, carrier } = this
    if (!agent || !carrier || this.state.line === 'idle') return
    if (this.state.line !== 'ready') { carrier.renew(); return }
    const asked = Date.now()
    agent.register()
    this.later(() => { if (this.carrier === carrier && carrier.heard < asked) carrier.renew() }, ANSWER_MS)
  }

  /** A key made now is not made while a caller waits for the first sound. */
  private async certify(): Promise<void> {
    if (this.way.certificates || typeof RTCPeerConnection === 'undefined') return
    try {
      const made = await RTCPeerConnection.generateCertificate({ name: 'ECDSA', namedCurve: 'P-256' } as AlgorithmIdentifier)
      this.way = { ...this.way, certificates: [made] }
    } catch { /* then each conversation makes its own */ }
  }

  private async rings(session: Session): Promise<void> {
    if (this.session && !this.session.isEnded()) { session.terminate({ status_code: 486 }); return }
    this.session = session
    const own = (run: (data: never) => void) => (data: never): void => { if (this.session === session) run(data) }
    session.on('peerconnection', own((data: { peerconnection: RTCPeerConnection }) => this.listen(data.peerconnection)))
    session.on('icecandidate', own((data: { ready: () => void }) => { setTimeout(data.ready, GATHER_MS) }))
    session.on('accepted', own(() => this.happens({ what: 'talks' })))
    session.on('hold', own((data: { originator: string }) => { if (data.originator === 'local') this.happens({ what: 'held', on: true }) }))
    session.on('unhold', own((data: { originator: string }) => { if (data.originator === 'local') this.happens({ what: 'held', on: false }) }))
    session.on('ended', own((data: { cause: string }) => this.ended(data.cause)))
    session.on('failed', own((data: { cause: string }) => this.ended(data.cause)))
    await this.page.beforeRing()
    if (this.session === session && !session.isEnded()) this.happens({ what: 'rings' })
  }

  private listen(connection: RTCPeerConnection): void {
    connection.addEventListener('track', (event) => this.page.heard(event.streams[0] ?? new MediaStream([event.track])))
    connection.addEventListener('connectionstatechange', () => {
      // Addresses changed under the conversation (another network): look for a way anew.
      if (connection.connectionState === 'failed' && this.state.line === 'ready') this.session?.renegotiate({ rtcOfferConstraints: { iceRestart: true } })
    })
  }

  private ended(cause: string): void {
    if (!this.session) return
    this.session = null
    for (const track of this.mine) track.stop()
    this.mine = []
    this.happens({ what: 'gone' })
    this.page.gone(cause)
    const { older } = this
    this.older = null
    // our own BYE still wants to go out
    if (older) setTimeout(() => older.cut(), LINGER_MS)
  }

  /** After a new socket the exchange must learn where this conversation is now, or its BYE goes nowhere. */
  private renew(left = RENEW_TIMES): void {
    if (this.state.settled || !this.session || this.state.line !== 'ready') return
    if (this.session.renegotiate({}, () => this.happens({ what: 'settled' }))) return
    if (left > 0) this.later(() => this.renew(left - 1), RENEW_EVERY_MS)
  }

  private refused(status: number | null): void {
    this.happens({ what: 'refused', why: status === null ? 'unreachable' : status === 403 || status === 401 ? 'credentials' : 'exchange' })
    const { agent } = this
    const wait = AGAIN_MS[Math.min(this.refusals, AGAIN_MS.length - 1)] ?? 8000
    this.refusals += 1
    if (this.refusals >= 2 && status !== null) this.page.refused(status)
    this.later(() => { if (agent && this.agent === agent && !agent.isRegistered()) agent.register() }, wait)
  }

  private later(run: () => void, ms: number): void {
    const timer = setTimeout(() => { this.timers.delete(timer); run() }, ms)
    this.timers.add(timer)
  }

  private happens(now: Happening): void {
    const next = step(this.state, now)
    if ((Object.keys(next) as (keyof State)[]).every((name) => next[name] === this.state[name])) return
    this.state = next
    this.page.state(next)
  }
}

function copies(stream: MediaStream): MediaStreamTrack[] {
  return stream.getAudioTracks().map((track) => { const copy = track.clone(); copy.enabled = true; return copy })
}
