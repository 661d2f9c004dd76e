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
/** The longest first; who is put forward stands before them. */
export function inOrder(waiting: readonly Waiting[]): Waiting[] {
  return [...waiting].sort((a, b) => (a.position ?? Infinity) - (b.position ?? Infinity) || Date.parse(a.since) - Date.parse(b.since))
}

export interface Party { id: string; kind: string; name: string; state: string }
/** The conversations after one event: pure. A call that ended has nobody in it. */
export function after(known: Map<string, Party[]>, event: LiveEvent): Map<string, Party[]> {
  const data = event.data as { call_id?: string; parties?: Party[] } | undefined
  if (!data?.call_id) return known
  const next = new Map(known)
  if (event.type === 'call.talk') {
    const there = (data.parties ?? []).filter((one) => one.state !== 'gone')
    if (there.length) next.set(data.call_id, there)
    else next.delete(data.call_id)
    return next
  }
  if (event.type === 'call.ended' && next.delete(data.call_id)) return next
  return known
}
const HEARERS = ['listen', 'whisper', 'join', 'spy', 'supervisor']
export const isHearer = (party: Party): boolean => HEARERS.includes(party.kind)
