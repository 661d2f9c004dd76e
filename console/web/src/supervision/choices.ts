/** What can be done to whom, and who is in which conversation: pure. */
import type { Agent, LiveEvent, Waiting } from '../api/types'

export const MODES = ['listen', 'whisper', 'join'] as const
export type Mode = (typeof MODES)[number]
export type Deed = 'hear' | 'pause' | 'ready' | 'logout'

/** What makes sense for a call taker in this state. Oneself is not listened to. */
export function deedsFor(agent: Agent, me: string): Deed[] {
  if (agent.state === 'logged_out') return []
  const deeds: Deed[] = []
  if (agent.state === 'talking' && agent.call_id && agent.agent !== me) deeds.push('hear')
  deeds.push(agent.state === 'paused' ? 'ready' : 'pause')
  deeds.push('logout')
  return deeds
}
/** Who could take a waiting caller now: ready, with a telephone. */
export function takers(agents: readonly Agent[]): Agent[] {
  return agents.filter((one) => one.state === 'ready' && one.phone_registered !== false)
}
/** In the order of being served; the longest first where that is not told. */
export function inOrder(waiting: readonly Waiting[]): Waiting[] {
  return [...waiting].sort((a, b) => (a.position ?? Infinity) - (b.position ?? Infinity) || Date.parse(a.since) - Date.parse(b.since))
}

export interface Party { id: string; kind: string; name: string; state: string }
export interface Listener { id: string; name: string; mode: string }
/** Who is in a conversation beside the caller, and who listens to it. */
export interface Talk { parties: Party[]; listeners: Listener[] }
export type Talks = ReadonlyMap<string, Talk>

/** With what is now known of one conversation; one with nobody in it is not kept. */
export function withTalk(known: Talks, callId: string, told: Partial<Talk>): Talks {
  const talk: Talk = { parties: (told.parties ?? []).filter((one) => one.state !== 'gone'), listeners: told.listeners ?? [] }
  const next = new Map(known)
  if (talk.parties.length || talk.listeners.length) next.set(callId, talk)
  else next.delete(callId)
  return next
}
/** The conversations after one event. A call that ended has nobody in it. */
export function after(known: Talks, event: LiveEvent): Talks {
  const data = event.data as ({ call_id?: string } & Partial<Talk>) | undefined
  if (!data?.call_id) return known
  if (event.type === 'call.talk') return withTalk(known, data.call_id, data)
  if (event.type === 'call.ended' && known.has(data.call_id)) return withTalk(known, data.call_id, {})
  return known
}
/** Where this person listens, by what is told; null: nowhere. Who joined is one of the parties. */
export function hearingOf(talks: Talks, agents: readonly Agent[], me: string): { call_id: string; mode: Mode } | null {
  const id = `agent:${me}`
  for (const [call, { parties, listeners }] of talks) {
    const mode = listeners.find((one) => one.id === id)?.mode
    if (mode) return { call_id: call, mode: MODES.find((one) => one === mode) ?? 'listen' }
    const other = agents.some((one) => one.call_id === call && one.agent !== me)
    if (other && parties.some((one) => one.id === id)) return { call_id: call, mode: 'join' }
  }
  return null
}
