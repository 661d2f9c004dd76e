import { describe, expect, it } from 'vitest'
import type { Call } from '../api/types'
import { stretches, ticks } from './stretches'

const call = (some: object): Call => ({ started_at: '2026-11-22T13:00:00Z', ended_at: '2026-11-22T13:01:00Z', gate: { result: 'key0', seconds: 4, keys: '0' }, queue: { wait_seconds: 6 }, legs: [{ agent: 'a', ring_seconds: 2, answered_at: '2026-11-22T13:00:10Z', talk_seconds: 50, end: 'answered' }], ring_seconds: 2, talk_seconds: 50, ...some }) as unknown as Call
const seconds = (one: Call) => stretches(one, 0).map((part) => [part.where, (part.from - Date.parse(one.started_at)) / 1000, (part.to - Date.parse(one.started_at)) / 1000])

describe('a call as one line of time', () => {
  it('spends its seconds in gate, queue, ringing and talk', () => {
    expect(seconds(call({}))).toEqual([['gate', 0, 4], ['queue', 4, 8], ['ring', 8, 10], ['talk', 10, 60]])
  })
  it('leaves out what is not known', () => {
    expect(seconds(call({ gate: { result: null, seconds: null, keys: null }, queue: { wait_seconds: null }, legs: [], ring_seconds: null, talk_seconds: null }))).toEqual([])
    expect(seconds(call({ legs: [], ring_seconds: null, talk_seconds: null, ended_at: '2026-11-22T13:00:10Z' }))).toEqual([['gate', 0, 4], ['queue', 4, 10]])
  })
  it('shows both conversations of a caller who came back to the queue', () => {
    const at = (second: number): string => new Date(Date.parse('2026-11-22T13:00:00Z') + second * 1000).toISOString()
    const story = [['started', 0], ['gate', 2], ['recorded', 2], ['queued', 2], ['ringing', 3, 'a'], ['answered', 5, 'a'], ['talk_ended', 20, 'a'], ['returned', 20], ['queued', 20.5], ['ringing', 21, 'b'], ['ring_ended', 24, 'b'], ['ringing', 25, 'c'], ['answered', 26, 'c'], ['talk_ended', 60, 'c'], ['ended', 60]]
    const timeline = story.map(([what, second, agent]) => ({ what, at: at(second as number), data: agent ? { agent } : {} }))
    expect(stretches(call({ timeline }), 0).map((part) => [part.where, (part.from - Date.parse('2026-11-22T13:00:00Z')) / 1000, part.agent])).toEqual([
      ['gate', 0, null], ['queue', 2, null], ['ring', 3, 'a'], ['talk', 5, 'a'], ['queue', 20, null], ['ring', 21, 'b'], ['queue', 24, null], ['ring', 25, 'c'], ['talk', 26, 'c'],
    ])
  })
  it('shows who was asked in, and who stays when the call taker leaves', () => {
    const at = (second: number): string => new Date(Date.parse('2026-11-22T13:00:00Z') + second * 1000).toISOString()
    const entry = (what: string, second: number, data: object = {}): object => ({ what, at: at(second), data })
    const timeline = [entry('started', 0), entry('gate', 1), entry('queued', 1), entry('ringing', 1, { agent: 'a' }), entry('answered', 3, { agent: 'a' }), entry('ringing', 9, { party: 'agency:damkar' }), entry('answered', 12, { party: 'agency:damkar' }), entry('talk_ended', 20, { agent: 'a' }), entry('talk_ended', 30, { party: 'agency:damkar' }), entry('ended', 30)]
    expect(stretches(call({ timeline, ended_at: at(30) }), 0).slice(2).map((part) => [part.where, (part.from - Date.parse('2026-11-22T13:00:00Z')) / 1000, part.agent])).toEqual([
      ['talk', 3, 'a'], ['talk', 12, 'a + agency:damkar'], ['talk', 20, 'agency:damkar'],
    ])
  })
  it('has a scale of a handful of round seconds', () => {
    expect(ticks(7_000)).toEqual([0, 1000, 2000, 3000, 4000, 5000, 6000, 7000])
    for (const total of [900, 31_000, 190_000, 4_000_000]) expect(ticks(total).length).toBeLessThanOrEqual(9)
  })
})
