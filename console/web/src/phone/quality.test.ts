import { expect, it } from 'vitest'
import { loudness, Movement } from './meter'
import { between, grade, sample } from './quality'
import { period } from './ring'
import { chosen, readSettings, USUAL, writeSettings } from './settings'

const inbound = (received: number, lost: number, jitter = 0.004) => ({ type: 'inbound-rtp', kind: 'audio', packetsReceived: received, packetsLost: lost, jitter, audioLevel: 0.2 })
const look = (received: number, lost: number, jitter?: number) => sample([inbound(received, lost, jitter), { type: 'remote-inbound-rtp', kind: 'audio', roundTripTime: 0.031 }, { type: 'media-source', kind: 'audio', audioLevel: 0.5 }, { type: 'codec' }], 0)

it('counts what happened between two looks', () => {
  expect(between(look(100, 0), look(190, 10))).toEqual({ loss: 0.1, jitter_ms: 4, level_in: 0.2, level_out: 0.5, round_trip_ms: 31 })
  expect(grade(between(look(100, 0), look(200, 0)))).toBe('good')
  expect(grade(between(look(100, 0), look(198, 2)))).toBe('fair')
  expect(grade(between(look(100, 0), look(190, 10)))).toBe('poor')
  expect(grade(between(look(100, 0), look(200, 0, 0.045)))).toBe('fair')
})
it('calls a line without any packet cut, and never counts backwards', () => {
  expect(between(look(100, 3), look(100, 3)).loss).toBe(1)
  expect(between(look(100, 3), look(200, 1)).loss).toBe(0)
})
it('takes statistics without figures for unknown, not for nothing', () => {
  const bare = sample([{ type: 'inbound-rtp', kind: 'audio' }, { type: 'inbound-rtp', kind: 'video', packetsReceived: 9 }], 0)
  expect(bare).toMatchObject({ received: 0, jitter: null, roundTrip: null, levelIn: null })
})
it('hears loudness as an ear does', () => {
  const wave = (height: number): Float32Array => Float32Array.from({ length: 480 }, (_, at) => height * Math.sin(at))
  expect(loudness(new Float32Array(480))).toBe(0)
  expect(loudness(wave(1))).toBeGreaterThan(0.9)
  expect(loudness(wave(0.03))).toBeGreaterThan(0.4)
  expect(loudness(wave(0.0005))).toBe(0)
})
it('believes a microphone that moves, not one that is dead or only hums', () => {
  const fed = (...levels: number[]): Movement => { const one = new Movement(); levels.forEach((level) => one.add(level)); return one }
  expect(fed(0.05, 0.1, 0.5, 0.3).alive).toBe(true)
  expect(fed(0, 0, 0, 0, 0)).toMatchObject({ alive: false, dead: true })
  expect(fed(0.4, 0.41, 0.4, 0.42, 0.4).alive).toBe(false)
  expect(fed(0.02, 0.15, 0.05, 0.1)).toMatchObject({ alive: false, dead: false })
})
it('makes a ring that is heard and does not clip', () => {
  const samples = period()
  expect(Math.max(...samples)).toBeLessThanOrEqual(1)
  expect(Math.max(...samples.slice(0, 4000))).toBeGreaterThan(0.3)
  expect(Math.max(...samples.slice(-8000))).toBe(0)
})
it('keeps one person’s settings and believes nothing strange', () => {
  const kept = new Map<string, string>()
  const store = { getItem: (key: string) => kept.get(key) ?? null, setItem: (key: string, value: string) => { kept.set(key, value) } }
  writeSettings('ratna', { ...USUAL, autoAnswer: true, volume: 0.3 }, store)
  expect(readSettings('ratna', store)).toEqual({ ...USUAL, autoAnswer: true, volume: 0.3 })
  expect(readSettings('dimas', store)).toEqual(USUAL)
  kept.set('psap-phone:dimas', '{"volume": 7, "input": 3, "telephone": "kaleng", "autoAnswer": "yes"}')
  expect(readSettings('dimas', store)).toEqual(USUAL)
  kept.set('psap-phone:dimas', 'null')
  expect(readSettings('dimas', store)).toEqual(USUAL)
})
it('leaves a desk phone that is there alone', () => {
  expect(chosen(USUAL, true, true)).toBe('desk')
  expect(chosen(USUAL, false, true)).toBe('browser')
  expect(chosen(USUAL, false, false)).toBe('desk')
  expect(chosen({ ...USUAL, telephone: 'browser' }, true, true)).toBe('browser')
  expect(chosen({ ...USUAL, telephone: 'desk' }, false, true)).toBe('desk')
})
