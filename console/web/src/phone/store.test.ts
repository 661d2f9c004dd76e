import { beforeEach, expect, it, vi } from 'vitest'
import { nextTick } from 'vue'
import type { Credentials } from './sip'
import { FakeSession, fakes } from './fake'

const made = fakes()
const asked: [string, string, unknown][] = []
class Stream { active = true; getAudioTracks(): unknown[] { return [] } getTracks(): unknown[] { return [] } }
vi.mock('./jssip', () => ({ makeAgent: (who: Credentials) => made.make(who) }))
vi.mock('./microphone', () => ({ openMicrophone: () => Promise.resolve(new Stream()), NoMicrophone: class extends Error {} }))
vi.mock('./speaker', () => ({ Speaker: class { prepare(): void {} apply(): void {} play(): void {} hush(): void {} ring(): void {} beep(): void {} quiet(): void {} } }))
vi.mock('../api/client', () => ({
  Problem: class extends Error {}, whenExpired: () => {}, get: () => Promise.resolve(undefined), patch: () => Promise.resolve(undefined),
  post: (path: string, body: unknown) => { asked.push(['POST', path, body]); return Promise.resolve({ username: 'w', password: 'p', domain: 'd' }) },
  request: (method: string, path: string, options: { body?: unknown }) => { asked.push([method, path, options.body]); return Promise.resolve(undefined) },
}))
vi.stubGlobal('MediaStream', Stream)

const live = await import('../live/store')
const { newDeskCall } = await import('../live/reducer')
const phone = await import('./store')
const agent = () => made.agents.at(-1)!
const tell = (type: string, data: unknown): void => { for (const one of live.followers) one.event({ type, data }) }
const mine = (): string => (asked.filter(([, path]) => path === '/agents/me/phone').at(-1)![2] as { session: string }).session
const pop = (id: string): void => { live.live.value = { ...live.live.value, call: newDeskCall(id, 'ringing') } }

async function open(): Promise<void> {
  const before = made.agents.length
  const opening = phone.open()
  await vi.waitFor(() => expect(made.agents.length).toBe(before + 1))
  agent().takes()
  await opening
}
async function rings(id: string): Promise<FakeSession> {
  const session = new FakeSession()
  agent().invites(session)
  pop(id)
  await vi.waitFor(() => expect(phone.state.value.talk).toBe('ringing'))
  return session
}
beforeEach(async () => {
  await phone.close()
  phone.change({ autoAnswer: false })
  live.me.value = { username: 'ratna', name: 'Ratna', role: 'agent' }
  live.live.value = { ...live.live.value, call: null }
  await nextTick()
})

it('waits with the ring for the pop, but not for ever', async () => {
  await open()
  const session = new FakeSession()
  agent().invites(session)
  await new Promise((done) => setTimeout(done, 60))
  expect(phone.state.value.talk).toBe('none')
  // no pop at all: the bridge is away, and the telephone rings all the same
  await vi.waitFor(() => expect(phone.state.value.talk).toBe('ringing'), { timeout: 3000 })
  session.bye()
  await rings('c1')
  expect(phone.talkCall.value).toBe('c1')
})
it('takes a call by itself where the person wants that', async () => {
  await open()
  phone.change({ autoAnswer: true })
  const session = new FakeSession()
  agent().invites(session)
  pop('c2')
  await vi.waitFor(() => expect(session.asked).toEqual(['answer']), { timeout: 3000 })
  expect(phone.state.value.talk).toBe('answering')
})
it('takes only the next ring for the one that was asked for', async () => {
  await open()
  phone.expectRing()
  const asked = new FakeSession()
  agent().invites(asked)
  await vi.waitFor(() => expect(asked.asked).toContain('answer'), { timeout: 3000 })
  asked.tell('accepted')
  asked.bye()
  const next = await rings('c3')
  expect(next.asked).toEqual([])
})
it('keeps no ghost on the line whose BYE never came', async () => {
  await open()
  const session = await rings('c4')
  phone.answer()
  session.tell('accepted')
  vi.useFakeTimers()
  tell('call.ended', { call_id: 'another' })
  vi.advanceTimersByTime(10_000)
  expect(session.over).toBe(false)
  tell('call.ended', { call_id: 'c4' })
  vi.advanceTimersByTime(10_000)
  vi.useRealTimers()
  expect(session.over).toBe(true)
})
it('is no longer the telephone when another tab is, and keeps its conversation', async () => {
  await open()
  const session = await rings('c5')
  phone.answer()
  session.tell('accepted')
  tell('phone.taken', { agent: 'ratna', session: 'somebody-elses' })
  tell('phone.taken', { agent: 'dimas', session: mine() })
  expect(phone.taken.value).toBe(false)
  tell('phone.taken', { agent: 'ratna', session: mine() })
  expect(phone.taken.value).toBe(true)
  expect(phone.isOpen.value).toBe(false)
  expect(phone.inHand.value).toBe(true)
  session.bye()
  expect(phone.inHand.value).toBe(false)
  expect(phone.microphone.value).toBeNull()
})
it('gives the telephone back at its own tab’s wish, by the session it was opened with', async () => {
  await open()
  const session = mine()
  await phone.close()
  expect(asked.at(-1)).toEqual(['DELETE', '/agents/me/phone', { session }])
  expect(agent().asked).toContain('stop')
})
it('ends with the sign-in; a conversation then goes to the exchange without a BYE', async () => {
  await open()
  const session = await rings('c6')
  phone.answer()
  session.tell('accepted')
  live.me.value = null
  await nextTick()
  expect(session.over).toBe(false)
  expect(made.carriers.at(-1)!.asked).toContain('cut')
  expect(phone.isOpen.value).toBe(false)
})
