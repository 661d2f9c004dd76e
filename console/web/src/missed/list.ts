/** The list of missed calls, and how one change alters it. Pure. */
import type { Caller, Gate, Policy } from '../api/types'

export interface Attempt { id: string; call_id: string; agent: string; state: string; result: string | null; cause: number | null; started_at: string; talk_seconds: number | null }
export interface Missed {
  id: string; version: number; status: 'open' | 'claimed' | 'calling' | 'unknown' | 'closed'
  caller: Caller; reachable: boolean; count: number; first_at: string; last_at: string
  last: { call_id: string; ending: string; wait_seconds: number | null; seconds: number | null; gate: Gate; policy: Policy }
  flags: string[]; needs_confirmation: boolean; claimed_by: string | null; attempts: number
  last_result: string | null; incident_id: string | null; result: string | null; note: string | null; closed_by: string | null
  attempt?: Attempt | null
  /** How far a call-back is; only events tell. */
  stage?: string
  /** The call-back's own call, while it goes on. */
  call_id?: string
}

/** The list with one entry changed: newest call first, closed ones gone, nothing older over something newer. */
export function withEntry(list: readonly Missed[], entry: Missed): Missed[] {
  const known = list.find((one) => one.id === entry.id)
  if (known && known.version > entry.version) return [...list]
  const rest = list.filter((one) => one.id !== entry.id)
  if (entry.status === 'closed') return rest
  // only events tell the stage: an answer to the click that comes after them must not take it away
  const told = known?.version === entry.version && entry.stage === undefined ? { stage: known.stage, call_id: known.call_id } : {}
  return [...rest, { ...entry, ...told, attempt: entry.attempt ?? known?.attempt ?? null }].sort(newestFirst)
}
const newestFirst = (a: Missed, b: Missed): number => Date.parse(b.last_at) - Date.parse(a.last_at) || (a.id < b.id ? 1 : -1)

export type Deed = 'call' | 'close' | 'release' | 'decide'
/** What this person may do with an entry now. `calls`: whether they have a telephone here at all. */
export function deeds(entry: Missed, me: string, calls: boolean, anybodys: boolean): Deed[] {
  if (entry.status === 'calling' || entry.status === 'closed') return []
  const theirs = entry.claimed_by !== null && entry.claimed_by !== me
  if (theirs && !anybodys) return []
  if (entry.status === 'unknown') return ['decide']
  const found: Deed[] = []
  if (calls && entry.reachable && !theirs) found.push('call')
  if (entry.status === 'claimed') found.push('release')
  return [...found, 'close']
}
