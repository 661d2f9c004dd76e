/** The part of JsSIP that the telephone uses, as interfaces: a test puts its own behind them. */

export interface Credentials { username: string; password: string; domain: string }

/** One conversation (JsSIP's RTCSession). */
export interface Session {
  readonly direction: string
  readonly connection: RTCPeerConnection | null
  answer(options: object): void
  terminate(options?: object): void
  mute(options: object): void
  unmute(options: object): void
  hold(options?: object, done?: () => void): boolean
  unhold(options?: object, done?: () => void): boolean
  renegotiate(options?: object, done?: () => void): boolean
  sendDTMF(tones: string, options?: object): void
  isEnded(): boolean
  on(event: string, run: (data: never) => void): unknown
}
/** A registered telephone (JsSIP's UA). */
export interface Agent {
  start(): void
  stop(): void
  register(): void
  isRegistered(): boolean
  on(event: string, run: (data: never) => void): unknown
}
/** What carries SIP: the one thing that is known to be lost before JsSIP knows. */
export interface Carrier {
  /** The last time (ms) anything came in. */
  readonly heard: number
  /** Drop the connection and make a new one at once. */
  renew(): void
  /** Keep it for what goes on over it; once lost, it stays lost. */
  finish(): void
  /** Drop it for good, without a word on it. */
  cut(): void
}
export interface Ready { agent: Agent; carrier: Carrier }
export type MakeAgent = (who: Credentials) => Promise<Ready>
