/** How every part is, asked for while the page is open; what the live channel tells of a change is asked about at once. */
import { ref, shallowRef } from 'vue'
import { get, Problem } from '../api/client'

export type Both = [string, string]
export interface Part {
  part: string
  state: 'up' | 'degraded' | 'down'
  since: string | null
  started_at: string | null
  said: Both | null
  means: Both
  do: Both
  runbook: string
}
export interface Hour { at: string; calls: number; answered: number; abandoned: number; mean_wait_seconds: number | null }
export interface Detail { at: string; healthy: boolean; parts: Part[]; hours: Hour[] | null; figures: Record<string, number | null> }

const EVERY_MS = 5000

export const detail = shallowRef<Detail | null>(null)
/** The server did not answer the last time: what stands there is of an earlier moment. */
export const silent = ref(false)

export async function look(): Promise<void> {
  try {
    detail.value = await get<Detail>('/state/detail')
    silent.value = false
  } catch (error) {
    if (!(error instanceof Problem)) throw error
    silent.value = true
  }
}
/** Ask while the page is there; the returned function ends it. */
export function watchState(): () => void {
  let timer: ReturnType<typeof setTimeout> | undefined
  let ended = false
  const round = async (): Promise<void> => {
    await look()
    if (!ended) timer = setTimeout(() => void round(), EVERY_MS)
  }
  void round()
  return () => { ended = true; clearTimeout(timer) }
}

/** What is wrong first, the worst on top; then the rest in the order in which a call passes it. */
const ORDER = ['asterisk', 'agi', 'ami', 'ami_bridge', 'database', 'redis', 'console', 'disk', 'watchdog']
const WORST = { down: 0, degraded: 1, up: 2 }
const place = (part: string): number => (ORDER.indexOf(part) + ORDER.length + 1) % (ORDER.length + 1)
export function sorted(parts: readonly Part[]): Part[] {
  return [...parts].sort((a, b) => WORST[a.state] - WORST[b.state] || place(a.part) - place(b.part))
}

/** `1,4 GB`: the figure and its unit, a thousand at a time. */
export function bytes(value: number): [number, 'B' | 'kB' | 'MB' | 'GB' | 'TB'] {
  const units = ['B', 'kB', 'MB', 'GB', 'TB'] as const
  let step = 0
  let left = Math.max(0, value)
  while (left >= 1000 && step < units.length - 1) { left /= 1000; step += 1 }
  return [left, units[step]!]
}
