import { describe, expect, it } from 'vitest'
import { deeds, withEntry, type Missed } from './list'

const entry = (some: Partial<Missed>): Missed => ({
  id: 'm1', version: 1, status: 'open', caller: { number: '0812***44', e164: null, presentation: 'allowed', kind: 'mobile' }, reachable: true, count: 1,
  first_at: '2026-11-22T13:00:00Z', last_at: '2026-11-22T13:00:00Z', last: { call_id: 'c', ending: 'abandoned_in_queue', wait_seconds: 9, seconds: 12, gate: { result: 'key0', seconds: 2, keys: '0' }, policy: { rung: 0, decision: 'pass', block_id: null } },
  flags: [], needs_confirmation: false, claimed_by: null, attempts: 0, last_result: null, incident_id: null, result: null, note: null, closed_by: null, ...some,
})

describe('the list of missed calls', () => {
  it('puts the newest first and drops what is closed', () => {
    let list = withEntry([], entry({}))
    list = withEntry(list, entry({ id: 'm2', last_at: '2026-11-22T13:05:00Z' }))
    expect(list.map((one) => one.id)).toEqual(['m2', 'm1'])
    expect(withEntry(list, entry({ version: 2, status: 'closed' })).map((one) => one.id)).toEqual(['m2'])
  })
  it('never puts an older word over a newer one', () => {
    const list = withEntry([], entry({ version: 5, status: 'calling', claimed_by: 'agent1' }))
    expect(withEntry(list, entry({ version: 4 }))[0]?.status).toBe('calling')
  })
  it('keeps the attempt that an event does not repeat, and takes the stage', () => {
    const attempt = { id: 'a', call_id: 'c', agent: 'agent1', state: 'under_way', result: null, cause: null, started_at: '', talk_seconds: null }
    const list = withEntry(withEntry([], entry({ version: 2, attempt })), entry({ version: 2, stage: 'citizen_rings' }))
    expect(list[0]).toMatchObject({ attempt: { id: 'a' }, stage: 'citizen_rings' })
  })
})

describe('an answer that comes after the events', () => {
  it('leaves the stage and its call', () => {
    const rings = entry({ version: 2, status: 'calling', stage: 'agent_rings', call_id: 'c' })
    expect(withEntry([rings], entry({ version: 2, status: 'calling' }))[0]).toMatchObject({ stage: 'agent_rings', call_id: 'c' })
    expect(withEntry([rings], entry({ version: 3, status: 'open' }))[0].stage).toBeUndefined()
  })
})

describe('what may be done', () => {
  it('leaves what somebody else has', () => {
    expect(deeds(entry({ status: 'claimed', claimed_by: 'agent2' }), 'agent1', true, false)).toEqual([])
    expect(deeds(entry({ status: 'claimed', claimed_by: 'agent2' }), 'supervisor1', true, true)).toEqual(['release', 'close'])
  })
  it('rings nobody without a number, and nobody twice', () => {
    expect(deeds(entry({ reachable: false }), 'agent1', true, false)).toEqual(['close'])
    expect(deeds(entry({ status: 'calling', claimed_by: 'agent1' }), 'agent1', true, false)).toEqual([])
    expect(deeds(entry({ status: 'unknown', claimed_by: 'agent1' }), 'agent1', true, false)).toEqual(['decide'])
  })
  it('offers the call to who has a telephone', () => {
    expect(deeds(entry({}), 'agent1', true, false)).toEqual(['call', 'close'])
    expect(deeds(entry({}), 'admin1', false, true)).toEqual(['close'])
  })
})
