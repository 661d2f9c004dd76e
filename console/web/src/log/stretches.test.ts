import { describe, expect, it } from 'vitest'
import type { Call } from '../api/types'
import { stretches } from './stretches'

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
})
