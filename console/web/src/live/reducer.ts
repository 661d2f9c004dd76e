/** What the page knows of now, and how one event changes it. Pure: the same events give the same screen. */
import type { Agent, Call, Caller, Gate, History, LiveEvent, Policy, QueueSnapshot, Waiting } from '../api/types'

export type Phase = 'ringing' | 'talking' | 'ended' | 'lost'
/** The call at this desk. `lost`: it stopped ringing here before anybody answered here. */
export interface DeskCall {
  id: string; phase: Phase; caller: Caller | null
  ringingAt: number | null; answeredAt: number | null; endedAt: number | null; waitingSince: number | null
  waitSeconds: number | null; priority: string | null; flags: string[]
  gate: Gate | null; policy: Policy | null; history: History | null; record: Call | null
}
export interface Live {
  me: string
  waiting: Waiting[]
  agents: Agent[]
  call: DeskCall | null
  /** Ended calls, newest first, as far as this page saw them. */
  recent: Call[]
  /** Counts up with every change of an incident, so that lists know that they are old. */
  incidents: number
  changedIncident: { id: string; version: number } | null
}

export const blank = (me: string): Live =>
  ({ me, waiting: [], agents: [], call: null, recent: [], incidents: 0, changedIncident: null })

const time = (text: string | null | undefined): number | null => {
  const ms = text ? Date.parse(text) : Number.NaN
  return Number.isNaN(ms) ? null : ms
}
const byName = (a: Agent, b: Agent): number => (a.name || a.agent).localeCompare(b.name || b.agent)
const RECENT = 8

export function newDeskCall(id: string, phase: Phase): DeskCall {
  return {
    id, phase, caller: null, ringingAt: null, answeredAt: null, endedAt: null, waitingSince: null, waitSeconds: null,
    priority: null, flags: [], gate: null, policy: null, history: null, record: null,
  }
}

/** The whole truth at once (after sign-in, reset, or while polling). The desk's call survives it. */
export function withSnapshot(state: Live, snapshot: QueueSnapshot): Live {
  const agents = [...snapshot.agents].sort(byName)
  return follow({ ...state, waiting: snapshot.waiting, agents }, agents.find((agent) => agent.agent === state.me))
}

/** What a fetched record adds to the call at the desk: after a reload, or when events were missed. */
export function withRecord(state: Live, record: Call, history?: History | null): Live {
  const call = state.call
  if (!call || call.id !== record.id) return state
  const mine = [...record.legs].reverse().find((leg) => leg.agent === state.me && leg.answered_at)
  const endedAt = time(record.ended_at)
  return {
    ...state,
    call: {
      ...call,
      caller: call.caller ?? record.caller,
      answeredAt: call.answeredAt ?? time(mine?.answered_at) ?? null,
      endedAt: endedAt ?? call.endedAt,
      phase: endedAt !== null && call.phase !== 'lost' ? (call.answeredAt || mine ? 'ended' : 'lost') : call.phase,
      waitSeconds: call.waitSeconds ?? record.queue.wait_seconds,
      priority: call.priority ?? record.priority,
      flags: record.flags, gate: record.gate, policy: record.policy,
      history: call.history ?? history ?? null,
      record,
    },
  }
}

/** Keep the desk's call in step with what the bridge says about this agent. */
function follow(state: Live, mine: Agent | undefined): Live {
  if (!mine) return state
  const call = state.call
  if ((mine.state === 'ringing' || mine.state === 'talking') && mine.call_id) {
    const phase: Phase = mine.state
    // Ended by its record is ended. Ended only because an older snapshot, overtaken by the answer, knew nothing of it, is not:
    // whoever is said to talk talks.
    const over = call?.phase === 'ended' && (phase === 'ringing' || Boolean(call.record?.ended_at))
    if (call?.id === mine.call_id && (call.phase === phase || call.phase === 'talking' || over)) return state
    const since = time(mine.since)
    const waiting = state.waiting.find((one) => one.call_id === mine.call_id)
    const base = call?.id === mine.call_id ? call : { ...newDeskCall(mine.call_id, phase), caller: waiting?.caller ?? null, flags: waiting?.flags ?? [], priority: waiting?.priority ?? null, waitingSince: time(waiting?.since) }
    return { ...state, call: { ...base, phase, endedAt: null, ...(phase === 'ringing' ? { ringingAt: base.ringingAt ?? since } : { answeredAt: base.answeredAt ?? since }) } }
  }
  if (call?.phase === 'ringing') return { ...state, call: { ...call, phase: 'lost', endedAt: time(mine.since) } }
  if (call?.phase === 'talking') return { ...state, call: { ...call, phase: 'ended', endedAt: time(mine.since) } }
  return state
}

export function reduce(state: Live, event: LiveEvent): Live {
  const at = time(event.at)
  switch (event.type) {
    case 'queue.changed':
      return { ...state, waiting: (event.data as { waiting: Waiting[] }).waiting ?? [] }
    case 'agent.changed': {
      const agent = event.data as Agent
      const agents = [...state.agents.filter((one) => one.agent !== agent.agent), agent].sort(byName)
      const next = { ...state, agents }
      return agent.agent === state.me ? follow(next, agent) : next
    }
    case 'call.ringing': {
      const data = event.data as { call_id: string; agent: string; caller: Caller | null; waiting_since?: string } & Partial<DeskCall>
      if (data.agent !== state.me) return state
      if (state.call?.id === data.call_id && state.call.phase === 'talking') return state
      return {
        ...state,
        call: {
          ...newDeskCall(data.call_id, 'ringing'), caller: data.caller, ringingAt: at, waitingSince: time(data.waiting_since),
          priority: data.priority ?? null, flags: data.flags ?? [], gate: data.gate ?? null, policy: data.policy ?? null,
          history: data.history ?? null,
        },
      }
    }
    case 'call.answered': {
      const data = event.data as { call_id: string; agent: string; caller: Caller | null; wait_seconds: number | null }
      const call = state.call?.id === data.call_id ? state.call : null
      if (data.agent !== state.me) return call?.phase === 'ringing' ? { ...state, call: { ...call, phase: 'lost', endedAt: at } } : state
      const base = call ?? { ...newDeskCall(data.call_id, 'talking'), caller: data.caller }
      return { ...state, call: { ...base, phase: 'talking', answeredAt: at, waitSeconds: data.wait_seconds ?? null } }
    }
    case 'call.updated': {
      const record = (event.data as { call: Call }).call
      return record ? { ...withRecord(state, record), recent: state.recent.map((one) => (one.id === record.id ? record : one)) } : state
    }
    case 'call.ended': {
      const data = event.data as { call_id: string; call: Call }
      const recent = data.call ? [data.call, ...state.recent.filter((one) => one.id !== data.call.id)].slice(0, RECENT) : state.recent
      const call = state.call
      if (!call || call.id !== data.call_id) return { ...state, recent }
      const phase: Phase = call.phase === 'talking' || call.phase === 'ended' ? 'ended' : 'lost'
      const next = { ...state, recent, call: { ...call, phase, endedAt: time(data.call?.ended_at) ?? at } }
      return data.call ? withRecord(next, data.call) : next
    }
    case 'incident.changed': {
      const data = event.data as { id: string; version: number }
      return { ...state, incidents: state.incidents + 1, changedIncident: { id: data.id, version: data.version } }
    }
    default:
      return state
  }
}
