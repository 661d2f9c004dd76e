/** What the wall makes of the figures: pure. Unknown stays null; a share never looks better than it is. */
import type { Agent, AgentState } from '../api/types'

/** GET /board. Null: not known now. */
export interface Today {
  since: string | null; at: string | null
  calls: number; open: number; answered: number; timed: number; within: Record<string, number>
  mean_wait_seconds: number | null; longest_answered_wait_seconds: number | null
  abandoned_in_queue: number; abandoned_in_gate: number; never_passed: number; overflowed: number; turned_away: number; refused: number; failed: number
  classified: number; emergency: number; information: number; prank: number; silent: number; other: number
}
export interface AgentDay { agent: string; name: string | null; answered: number; talk_seconds: number | null; mean_wait_seconds: number | null }
export interface Step { seconds: number; aim: number | null }
export interface BoardNow {
  at: string; waiting: number | null; longest_wait_seconds: number | null; agents: Agent[] | null; steps: Step[]
  shift: { id: string; name: string; starts_at: string; ends_at: string } | null; today: Today | null; by_agent: AgentDay[] | null
}

/** `93` of 0.9399: 89.96 % is not yet the 90 that were aimed at. Null where there is nothing to share. */
export function perCent(part: number, whole: number): number | null {
  return whole > 0 ? Math.floor((part / whole) * 100 + 1e-9) : null
}

export type Grade = 'calm' | 'over10' | 'over15' | 'over20'
export function grade(seconds: number): Grade {
  return seconds > 20 ? 'over20' : seconds > 15 ? 'over15' : seconds > 10 ? 'over10' : 'calm'
}
/** Who waits now; `longest` in seconds, null where nobody waits. */
export function waits(since: readonly string[], nowMs: number): { count: number; longest: number | null } {
  const began = since.map((one) => Date.parse(one)).filter((ms) => !Number.isNaN(ms))
  return { count: since.length, longest: began.length ? Math.max(0, (nowMs - Math.min(...began)) / 1000) : null }
}

export interface StepRow { seconds: number; count: number; percent: number | null; aim: number | null; reached: boolean | null }
/** Answered within 10, 15, 20 seconds: shares of the answered whose wait is known. */
export function stepRows(today: Today | null, steps: readonly Step[]): StepRow[] {
  return steps.map(({ seconds, aim }) => {
    const count = today?.within[String(seconds)] ?? 0
    const percent = today ? perCent(count, today.timed) : null
    const wanted = aim === null ? null : Math.round(aim * 100)
    return { seconds, count, percent, aim: wanted, reached: wanted === null || percent === null ? null : percent >= wanted }
  })
}

export const KINDS = ['emergency', 'information', 'prank', 'silent', 'other', 'unsaid'] as const
export interface KindRow { kind: (typeof KINDS)[number]; count: number | null; percent: number | null }
/** What the answered calls were, with those that nobody has marked yet. */
export function kindRows(today: Today | null): KindRow[] {
  return KINDS.map((kind) => {
    const count = today ? (kind === 'unsaid' ? today.answered - today.classified : today[kind]) : null
    return { kind, count, percent: today && count !== null ? perCent(count, today.answered) : null }
  })
}

const ORDER: AgentState[] = ['ringing', 'talking', 'ready', 'wrapping_up', 'paused', 'logged_out']
export interface AgentRow { agent: string; name: string; state: AgentState | null; since: string | null; reason: string | null; phone: boolean | null; answered: number | null }
/** Who is there, busiest first, with what each answered today; who answered and left stands behind. */
export function agentRows(agents: readonly Agent[] | null, days: readonly AgentDay[] | null): AgentRow[] {
  const done = new Map((days ?? []).map((one) => [one.agent, one]))
  const rows: AgentRow[] = (agents ?? []).map((one) => ({
    agent: one.agent, name: one.name || one.agent, state: one.state, since: one.since, reason: one.reason, phone: one.phone_registered,
    answered: days ? (done.get(one.agent)?.answered ?? 0) : null,
  }))
  const there = new Set(rows.map((one) => one.agent))
  for (const one of days ?? []) if (!there.has(one.agent)) rows.push({ agent: one.agent, name: one.name ?? one.agent, state: agents ? 'logged_out' : null, since: null, reason: null, phone: null, answered: one.answered })
  const rank = (row: AgentRow): number => (row.state ? ORDER.indexOf(row.state) : ORDER.length)
  return rows
    .filter((row) => row.state !== 'logged_out' || (row.answered ?? 0) > 0)
    .sort((a, b) => rank(a) - rank(b) || a.name.localeCompare(b.name))
}
export function counted(agents: readonly Agent[] | null): { ready: number; present: number } | null {
  if (!agents) return null
  const present = agents.filter((one) => one.state !== 'logged_out')
  return { ready: present.filter((one) => one.state === 'ready' && one.phone_registered !== false).length, present: present.length }
}
