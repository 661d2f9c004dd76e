import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { FakeSession, fakes } from './fake'
import { phase, type State } from './machine'
import { Telephone } from './telephone'

class Track { enabled = true; stopped = false; clone(): Track { return new Track() } stop(): void { this.stopped = true } }
class Stream { constructor(readonly tracks: Track[] = [new Track()]) {} getAudioTracks(): Track[] { return this.tracks } }
const WHO = { username: 'w1', password: 'geheim', domain: 'psap' }
const later = (): Promise<void> => vi.advanceTimersByTimeAsync(0).then(() => {})

function set(before: () => Promise<void> = () => Promise.resolve()) {
  const made = fakes()
  const seen: string[] = []
  const refused: (number | null)[] = []
  const page = { state: (now: State) => seen.push(phase(now)), beforeRing: before, heard: () => {}, gone: (cause: string) => seen.push(`gone:${cause}`), refused: (status: number | null) => refused.push(status) }
  const telephone = new Telephone(made.make, page)
  return { ...made, seen, refused, telephone, agent: (at = 0) => made.agents[at]!, carrier: (at = 0) => made.carriers[at]! }
}
async function ready() {
  const all = set()
  await all.telephone.open(WHO, new Stream() as never)
  all.agent().takes()
  return all
}
async function talking() {
  const all = await ready()
  const session = new FakeSession()
  all.agent().invites(session)
  await later()
  all.telephone.answer()
  session.tell('accepted')
  return { ...all, session }
}
beforeEach(() => { vi.useFakeTimers(); vi.stubGlobal('MediaStream', Stream) })
afterEach(() => { vi.useRealTimers(); vi.unstubAllGlobals() })

describe('the telephone', () => {
  it('registers, rings, is answered and hung up', async () => {
    const { telephone, agent, seen } = await ready()
    const session = new FakeSession()
    agent().invites(session)
    await later()
    telephone.answer()
    session.tell('accepted')
    telephone.hangUp()
    expect(session.asked).toEqual(['answer', 'terminate'])
    expect(seen).toEqual(['registering', 'ready', 'ringing', 'talking', 'talking', 'ready', 'gone:Terminated'])
  })
  it('rings only when the caller is on the screen', async () => {
    let there = (): void => {}
    const all = set(() => new Promise((done) => { there = done }))
    await all.telephone.open(WHO, new Stream() as never)
    all.agent().takes()
    all.agent().invites(new FakeSession())
    await later()
    expect(phase(all.telephone.state)).toBe('ready')
    there()
    await later()
    expect(phase(all.telephone.state)).toBe('ringing')
  })
  it('does not ring for who hung up while the screen was still waited for', async () => {
    let there = (): void => {}
    const all = set(() => new Promise((done) => { there = done }))
    await all.telephone.open(WHO, new Stream() as never)
    all.agent().takes()
    const session = new FakeSession()
    all.agent().invites(session)
    await later()
    session.bye()
    there()
    await later()
    expect(phase(all.telephone.state)).toBe('ready')
    expect(all.telephone.session).toBeNull()
  })
  it('refuses a second call as busy and keeps the first', async () => {
    const { telephone, agent, session } = await talking()
    const second = new FakeSession()
    agent().invites(second)
    await later()
    expect(second.asked).toEqual(['terminate486'])
    expect(telephone.session).toBe(session)
  })
  it('mutes, holds and presses keys only in a conversation', async () => {
    const idle = await ready()
    idle.telephone.mute(true)
    idle.telephone.key('5')
    expect(idle.telephone.hold(true)).toBe(false)
    const { telephone, session } = await talking()
    telephone.mute(true)
    expect(telephone.state.muted).toBe(true)
    telephone.hold(true)
    expect(phase(telephone.state)).toBe('held')
    telephone.hold(false)
    telephone.key('5')
    telephone.key('x')
    expect(session.asked).toEqual(['answer', 'mute', 'hold', 'unhold', 'dtmf5'])
  })
})

describe('a lost socket', () => {
  it('keeps the conversation, asks nothing of it, and re-INVITEs once registered again', async () => {
    const { telephone, agent, session } = await talking()
    agent().loses()
    expect(phase(telephone.state)).toBe('lost')
    expect(telephone.state.talk).toBe('talking')
    expect(telephone.hold(true)).toBe(false)
    expect(session.asked).toEqual(['answer'])
    agent().takes()
    expect(session.asked).toEqual(['answer', 'renegotiate'])
    expect(telephone.hold(true)).toBe(true)
  })
  it('tries the re-INVITE again while another change is on its way', async () => {
    const { agent, session } = await talking()
    agent().loses()
    session.willing = false
    agent().takes()
    await vi.advanceTimersByTimeAsync(900)
    session.willing = true
    await vi.advanceTimersByTimeAsync(5000)
    expect(session.asked.filter((one) => one === 'renegotiate')).toHaveLength(4)
  })
  it('without a conversation only registers', async () => {
    const { agent, seen } = await ready()
    agent().loses()
    agent().takes()
    expect(seen).toEqual(['registering', 'ready', 'lost', 'ready'])
  })
  it('that only looks alive is renewed when nothing answers', async () => {
    const { telephone, agent, carrier } = await ready()
    telephone.check()
    expect(agent().asked).toContain('register')
    await vi.advanceTimersByTimeAsync(3000)
    expect(carrier().asked).toEqual(['renew'])
  })
  it('that answers is left alone', async () => {
    const { telephone, carrier } = await ready()
    telephone.check()
    carrier().heard = Date.now() + 1
    await vi.advanceTimersByTimeAsync(3000)
    expect(carrier().asked).toEqual([])
  })
})

describe('closing', () => {
  it('hangs up by the agent of JsSIP', async () => {
    const { telephone, agent } = await ready()
    telephone.close()
    expect(agent().asked).toEqual(['start', 'stop'])
    expect(phase(telephone.state)).toBe('idle')
  })
  it('leaves a conversation to the exchange without a BYE', async () => {
    const { telephone, agent, carrier, session } = await talking()
    telephone.close('leave')
    expect(carrier().asked).toEqual(['cut'])
    expect(agent().asked).toEqual(['start'])
    expect(session.asked).toEqual(['answer'])
    expect(phase(telephone.state)).toBe('idle')
  })
  it('finishes a conversation that another tab took the telephone from, and takes nothing back', async () => {
    const { telephone, agent, carrier, session, seen } = await talking()
    telephone.close('finish', 'taken')
    expect(telephone.state).toMatchObject({ line: 'idle', talk: 'talking', why: 'taken' })
    expect(carrier().asked).toEqual(['finish'])
    agent().tell('registrationExpiring')
    agent().takes()
    expect(agent().asked).toEqual(['start'])
    expect(telephone.hold(true)).toBe(true)
    session.bye()
    await vi.advanceTimersByTimeAsync(3000)
    expect(carrier().asked).toEqual(['finish', 'cut'])
    expect(seen.at(-1)).toBe('gone:Terminated')
  })
  it('and taking it back in the middle gives a second registration beside the old conversation', async () => {
    const all = await talking()
    all.telephone.close('finish', 'taken')
    await all.telephone.open(WHO, new Stream() as never)
    all.agent(1).takes()
    expect(all.telephone.state).toMatchObject({ line: 'ready', talk: 'talking' })
    all.session.bye()
    await vi.advanceTimersByTimeAsync(3000)
    expect(all.telephone.state).toMatchObject({ line: 'ready', talk: 'none' })
    expect(all.carrier(1).asked).toEqual([])
  })
  it('before JsSIP is even loaded opens nothing', async () => {
    const all = set()
    const opening = all.telephone.open(WHO, new Stream() as never)
    all.telephone.close()
    await opening
    expect(all.agent().asked).toEqual([])
    expect(all.carrier().asked).toEqual(['cut'])
  })
})

it('asks for other credentials after the exchange refused twice, and tries on meanwhile', async () => {
  const all = await ready()
  all.agent().registered = false
  all.agent().tell('registrationFailed', { response: { status_code: 401 } })
  expect(all.refused).toEqual([])
  await vi.advanceTimersByTimeAsync(1100)
  expect(all.agent().asked).toEqual(['start', 'register'])
  all.agent().tell('registrationFailed', { response: { status_code: 401 } })
  expect(all.refused).toEqual([401])
})
