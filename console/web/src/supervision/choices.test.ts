import { describe, expect, it } from 'vitest'
import type { Agent, AgentState, Waiting } from '../api/types'
import { after, deedsFor, hearingOf, inOrder, takers, type Party } from './choices'
import { dayName, monday, plusDays, step, weekOf } from './roster'

const agent = (name: string, state: AgentState, more: Partial<Agent> = {}): Agent => ({ agent: name, name, state, since: null, reason: null, call_id: null, phone_registered: true, ...more })
const party = (id: string, state = 'talking', kind = 'agent'): Party => ({ id, kind, name: id, state })

describe('what a supervisor can do', () => {
  it('follows the state', () => {
    expect(deedsFor(agent('a', 'talking', { call_id: 'c' }), 'me')).toEqual(['hear', 'pause', 'logout'])
    expect(deedsFor(agent('a', 'paused'), 'me')).toEqual(['ready', 'logout'])
    expect(deedsFor(agent('a', 'logged_out'), 'me')).toEqual([])
    expect(deedsFor(agent('me', 'talking', { call_id: 'c' }), 'me')).not.toContain('hear')
  })
  it('sends a caller only to who is ready with a telephone', () => {
    expect(takers([agent('a', 'ready'), agent('b', 'ready', { phone_registered: false }), agent('c', 'talking')]).map((one) => one.agent)).toEqual(['a'])
  })
  it('shows who waits in the order of being served', () => {
    const row = (id: string, position: number | null, since: string): Waiting => ({ call_id: id, caller: null, since, priority: null, flags: [], position })
    expect(inOrder([row('b', 2, '2026-01-01T00:00:00Z'), row('a', 1, '2026-01-01T00:00:09Z'), row('c', null, '2026-01-01T00:00:00Z')]).map((one) => one.call_id)).toEqual(['a', 'b', 'c'])
  })
})

describe('who is in which conversation', () => {
  const told = { call_id: 'c', parties: [party('agent:a'), party('agent:x', 'gone')], listeners: [{ id: 'agent:s', name: 'S', mode: 'whisper' }] }
  it('is what was told last, without those who left', () => {
    const one = after(new Map(), { type: 'call.talk', data: told })
    expect(one.get('c')?.parties.map((each) => each.id)).toEqual(['agent:a'])
    expect(after(one, { type: 'call.talk', data: { call_id: 'c', parties: [party('agent:a', 'gone')], listeners: [] } }).has('c')).toBe(false)
    expect(after(one, { type: 'call.ended', data: { call_id: 'c' } }).size).toBe(0)
    expect(after(one, { type: 'agent.changed', data: { agent: 'a' } })).toBe(one)
  })
  it('tells where I listen, and a joined conversation from my own', () => {
    const agents = [agent('a', 'talking', { call_id: 'c' }), agent('s', 'talking', { call_id: 'd' })]
    const talks = after(new Map(), { type: 'call.talk', data: told })
    expect(hearingOf(talks, agents, 's')).toEqual({ call_id: 'c', mode: 'whisper' })
    expect(hearingOf(talks, agents, 'a')).toBeNull() // the own caller, with nobody else of ours
    const joined = after(new Map(), { type: 'call.talk', data: { call_id: 'c', parties: [party('agent:a'), party('agent:s')], listeners: [] } })
    expect(hearingOf(joined, agents, 's')).toEqual({ call_id: 'c', mode: 'join' })
  })
})

describe('weeks', () => {
  it('begin on Monday, over months and years', () => {
    expect(monday('2026-11-22')).toBe('2026-11-16') // a Sunday
    expect(monday('2026-11-16')).toBe('2026-11-16')
    expect(weekOf('2026-12-28').at(-1)).toBe('2027-01-03')
    expect(plusDays('2028-03-01', -1)).toBe('2028-02-29')
    expect(dayName('2026-11-22', 'id')).toBe('Min 22 Nov')
  })
  it('are walked by arrow keys without falling off', () => {
    expect(step({ row: 0, column: 6 }, 'ArrowRight', 3, 7)).toEqual({ row: 0, column: 6 })
    expect(step({ row: 0, column: 3 }, 'ArrowDown', 3, 7)).toEqual({ row: 1, column: 3 })
    expect(step({ row: 2, column: 3 }, 'Home', 3, 7)).toEqual({ row: 2, column: 0 })
    expect(step({ row: 2, column: 3 }, 'x', 3, 7)).toBeNull()
  })
})
