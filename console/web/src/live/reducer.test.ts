import { describe, expect, it } from 'vitest'
import type { Agent, Call, Caller } from '../api/types'
import { blank, reduce, withRecord, withSnapshot, type Live } from './reducer'

const caller: Caller = { number: '081225550141', e164: '+6281225550141', presentation: 'allowed', kind: 'mobile' }
const agent = (some: Partial<Agent>): Agent => ({ agent: 'agent1', name: 'Ratna', state: 'ready', since: '2026-11-22T13:00:00Z', reason: null, call_id: null, phone_registered: true, ...some })
const record = (some: Partial<Call>): Call => ({
  id: 'c1', site: 's', direction: 'inbound', dialled: '112', caller, started_at: '2026-11-22T13:00:00Z', answered_at: null, ended_at: null, ending: null, ended_by: null,
  gate: { result: 'key0', seconds: 2, keys: '0' }, policy: { rung: 0, decision: 'pass', block_id: null }, flags: [], priority: 'normal', queue: { wait_seconds: null }, legs: [],
  agent: null, ring_seconds: null, talk_seconds: null, classification: 'unclassified', classified_by: null, note: null, evidence: [], source: 'live', incident_id: null, recording_ids: [], ...some,
})
const event = (type: string, data: unknown, at = '2026-11-22T13:00:10Z') => ({ type, data, at, v: 1, seq: '1-0' })
const ringing = (state: Live, who = 'agent1'): Live => reduce(state, event('call.ringing', { call_id: 'c1', agent: who, caller, flags: ['cannot_speak'], priority: 'high', history: null }))

describe('the desk follows events', () => {
  it('pops only for the agent whose telephone will ring', () => {
    expect(ringing(blank('agent1')).call).toMatchObject({ id: 'c1', phase: 'ringing', flags: ['cannot_speak'] })
    expect(ringing(blank('agent2')).call).toBeNull()
  })
  it('talks, and ends with its record', () => {
    let state = reduce(ringing(blank('agent1')), event('call.answered', { call_id: 'c1', agent: 'agent1', caller, wait_seconds: 6.2 }))
    expect(state.call).toMatchObject({ phase: 'talking', waitSeconds: 6.2, answeredAt: Date.parse('2026-11-22T13:00:10Z') })
    state = reduce(state, event('call.ended', { call_id: 'c1', call: record({ ending: 'answered', ended_at: '2026-11-22T13:02:00Z', incident_id: 'i1' }) }))
    expect(state.call).toMatchObject({ phase: 'ended', endedAt: Date.parse('2026-11-22T13:02:00Z') })
    expect(state.recent).toHaveLength(1)
  })
  it('takes the pop back when a colleague answers or the caller leaves', () => {
    expect(reduce(ringing(blank('agent1')), event('call.answered', { call_id: 'c1', agent: 'agent2', caller: null, wait_seconds: 1 })).call?.phase).toBe('lost')
    expect(reduce(ringing(blank('agent1')), event('call.ended', { call_id: 'c1', call: record({ ending: 'abandoned_in_queue', ended_at: '2026-11-22T13:00:11Z' }) })).call?.phase).toBe('lost')
    expect(reduce(ringing(blank('agent1')), event('agent.changed', agent({ state: 'ready' }))).call?.phase).toBe('lost')
  })
  it('does not ring again for a late repetition of an answered call', () => {
    const talking = reduce(ringing(blank('agent1')), event('call.answered', { call_id: 'c1', agent: 'agent1', caller, wait_seconds: 1 }))
    expect(ringing(talking)).toBe(talking)
  })
  it('finds its call again from a snapshot alone, after a reload or while polling', () => {
    const state = withSnapshot(blank('agent1'), { waiting: [], agents: [agent({ state: 'talking', call_id: 'c1', since: '2026-11-22T13:00:05Z' })] })
    expect(state.call).toMatchObject({ id: 'c1', phase: 'talking', answeredAt: Date.parse('2026-11-22T13:00:05Z') })
    expect(withRecord(state, record({ flags: ['called_again'] })).call).toMatchObject({ caller, flags: ['called_again'] })
    expect(withSnapshot(state, { waiting: [], agents: [agent({ state: 'wrapping_up' })] }).call?.phase).toBe('ended')
  })
  it('talks again when a snapshot that the answer overtook had made it end; what has ended by its record stays so', () => {
    const talking = reduce(ringing(blank('agent1')), event('call.answered', { call_id: 'c1', agent: 'agent1', caller, wait_seconds: 1 }))
    const overtaken = withSnapshot(talking, { waiting: [], agents: [agent({ state: 'ready' })] })
    expect(overtaken.call?.phase).toBe('ended')
    const now = { waiting: [], agents: [agent({ state: 'talking', call_id: 'c1' })] }
    expect(withSnapshot(overtaken, now).call).toMatchObject({ phase: 'talking', endedAt: null, answeredAt: talking.call?.answeredAt })
    const over = reduce(talking, event('call.ended', { call_id: 'c1', call: record({ ending: 'answered', ended_at: '2026-11-22T13:02:00Z' }) }))
    expect(withSnapshot(over, now).call?.phase).toBe('ended')
  })
  it('ignores what it does not know', () => {
    const state = blank('agent1')
    expect(reduce(state, event('unit.moved', {}))).toBe(state)
  })
})
