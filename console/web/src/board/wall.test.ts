import { describe, expect, it } from 'vitest'
import type { Agent, AgentState } from '../api/types'
import { agentRows, counted, grade, kindRows, perCent, stepRows, waits, type Today } from './wall'

const today = (more: Partial<Today> = {}): Today => ({
  since: null, at: null, calls: 0, open: 0, answered: 0, timed: 0, within: { 10: 0, 15: 0, 20: 0 }, mean_wait_seconds: null, longest_answered_wait_seconds: null,
  abandoned_in_queue: 0, abandoned_in_gate: 0, never_passed: 0, overflowed: 0, turned_away: 0, refused: 0, failed: 0,
  classified: 0, emergency: 0, information: 0, prank: 0, silent: 0, other: 0, ...more,
})
const agent = (name: string, state: AgentState, more: Partial<Agent> = {}): Agent => ({ agent: name, name, state, since: null, reason: null, call_id: null, phone_registered: true, ...more })
const STEPS = [{ seconds: 10, aim: null }, { seconds: 15, aim: 0.9 }, { seconds: 20, aim: 0.95 }]

describe('shares', () => {
  it('never round up to an aim', () => {
    expect(perCent(8996, 10000)).toBe(89)
    expect(perCent(90, 100)).toBe(90)
    expect(perCent(29, 100)).toBe(29) // 0.29 * 100 is 28.999999999999996
    expect(perCent(0, 0)).toBeNull()
  })
  it('are of the answered whose wait is known, and unknown before anybody was', () => {
    const rows = stepRows(today({ answered: 12, timed: 10, within: { 10: 5, 15: 9, 20: 9 } }), STEPS)
    expect(rows.map((row) => [row.percent, row.aim, row.reached])).toEqual([[50, null, null], [90, 90, true], [90, 95, false]])
    expect(stepRows(today(), STEPS).map((row) => [row.percent, row.reached])).toEqual([[null, null], [null, null], [null, null]])
    expect(stepRows(null, STEPS)[1]?.percent).toBeNull()
  })
  it('name what nobody has marked yet', () => {
    const rows = kindRows(today({ answered: 10, classified: 7, emergency: 4, prank: 3 }))
    expect(Object.fromEntries(rows.map((row) => [row.kind, row.count]))).toEqual({ emergency: 4, information: 0, prank: 3, silent: 0, other: 0, unsaid: 3 })
    expect(kindRows(null).every((row) => row.count === null)).toBe(true)
  })
})

describe('waiting', () => {
  it('is as long as the longest, and nothing when nobody waits', () => {
    expect(waits([], 1000)).toEqual({ count: 0, longest: null })
    const at = Date.parse('2026-11-22T10:00:00Z')
    expect(waits(['2026-11-22T09:59:50Z', '2026-11-22T09:59:41Z'], at)).toEqual({ count: 2, longest: 19 })
    expect(waits(['2026-11-22T10:00:01Z'], at)).toEqual({ count: 1, longest: 0 })
  })
  it('is graded at 10, 15 and 20 seconds', () => {
    expect([10, 10.1, 15, 15.1, 20, 20.1].map(grade)).toEqual(['calm', 'over10', 'over10', 'over15', 'over15', 'over20'])
  })
})

describe('call takers', () => {
  it('stand busiest first, with what they answered; who left stands last', () => {
    const rows = agentRows([agent('b', 'ready'), agent('a', 'talking'), agent('out', 'logged_out')], [{ agent: 'a', name: 'A', answered: 3, talk_seconds: 1, mean_wait_seconds: null }, { agent: 'gone', name: null, answered: 2, talk_seconds: null, mean_wait_seconds: null }])
    expect(rows.map((row) => [row.agent, row.state, row.answered])).toEqual([['a', 'talking', 3], ['b', 'ready', 0], ['gone', 'logged_out', 2]])
  })
  it('are not there only because nobody knows', () => {
    expect(counted(null)).toBeNull()
    expect(agentRows(null, [{ agent: 'a', name: 'A', answered: 3, talk_seconds: 1, mean_wait_seconds: null }])[0]?.state).toBeNull()
    expect(agentRows([agent('a', 'ready')], null)[0]?.answered).toBeNull()
  })
  it('are ready only with a telephone', () => {
    expect(counted([agent('a', 'ready'), agent('b', 'ready', { phone_registered: false }), agent('c', 'paused'), agent('d', 'logged_out')])).toEqual({ ready: 1, present: 3 })
  })
})
