/** Today's figures beside the queue: counted by the server, asked for seldom, and only while somebody looks. */
import { shallowRef } from 'vue'
import { get } from '../api/client'
import { asked, followers, me } from './store'

/** What the desk reads of GET /board. Counts; null: the database does not tell them now. */
export interface TodayCounts {
  calls: number; answered: number; timed: number; within: Record<string, number>
  abandoned_in_queue: number; abandoned_in_gate: number; emergency: number; silent: number; prank: number; never_passed: number
}
export interface Counted { at: number; counts: TodayCounts }
export const today = shallowRef<Counted | null>(null)

const EVERY_MS = 20_000
const SOON_MS = 2000
async function ask(): Promise<void> {
  // the server tells assessors nothing of today
  if (document.hidden || me.value?.role === 'qc') return
  const board = await asked(() => get<{ at: string; today: TodayCounts | null }>('/board'))
  if (board?.today) today.value = { at: Date.parse(board.at), counts: board.today }
}
/** Counts while the desk is there; the returned function ends it. */
export function countToday(): () => void {
  let soon: ReturnType<typeof setTimeout> | undefined
  const follower = {
    refresh: () => {},
    event: ({ type }: { type: string }) => {
      if (!['call.ended', 'call.answered', 'call.updated'].includes(type) || soon) return
      soon = setTimeout(() => { soon = undefined; void ask() }, SOON_MS)
    },
  }
  followers.push(follower)
  void ask()
  const timer = setInterval(() => void ask(), EVERY_MS)
  return () => {
    clearInterval(timer)
    clearTimeout(soon)
    followers.splice(followers.indexOf(follower), 1)
  }
}

/** A share in per cent, or null where there is nothing to share. */
export function perCent(part: number, whole: number): number | null { return whole > 0 ? Math.round((part / whole) * 100) : null }
