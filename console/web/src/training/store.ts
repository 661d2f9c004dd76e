/** Training: one exercise at a time with a simulated caller, its report saved as typed, its score, and the ones before. */
import { computed, ref } from 'vue'
import { get, post, request } from '../api/client'
import type { LiveEvent } from '../api/types'
import { followers, me } from '../live/store'
import { next, open } from '../phone/store'

export type Kind = 'speaks' | 'whispers' | 'silent' | 'teases'
export const KINDS = ['speaks', 'whispers', 'silent', 'teases'] as const
export const FIELDS = ['place', 'category', 'description', 'people', 'injured', 'danger', 'caller_name', 'callback_number', 'classification'] as const
export type Field = (typeof FIELDS)[number]
export type Report = Partial<Record<Field, string | null>>
export interface Both { id: string; en: string }
export interface Mark { key: string; points: number; of: number; id: string; en: string }
export interface Training {
  id: string; agent: string; kind: Kind; number: string; gate: string; stage: 'waiting' | 'ringing' | 'talking' | 'ended'
  started_at: string; ended_at: string | null; report: Report; score: { points: number; marks: Mark[] } | null
  steps: { at: string; what: string }[]; title: Both | null; lines: Both[]
}

export const run = ref<Training | null>(null)
export const before = ref<Training[]>([])
export const trainee = computed(() => ['agent', 'supervisor'].includes(me.value?.role ?? ''))
const SAVE_MS = 300

/** @throws Problem, and what opening the telephone throws */
export async function begin(kind: Kind | null): Promise<void> {
  if (next.value === 'browser') await open()
  run.value = await post<Training>('/trainings', kind ? { kind } : {})
}
export async function load(): Promise<void> { before.value = (await get<{ items: Training[] }>('/trainings')).items }

let asking = false
let again = false
let saves = 0 // reports sent, and answered: what was asked before either is older than the page
/** What is true now. What was typed since stays: only a stage or a score is taken over. */
export async function look(): Promise<void> {
  if (asking) { again = true; return }
  const mine = run.value
  if (!mine || mine.score) return
  asking = true
  try {
    do {
      again = false
      const sofar = saves
      const now = await get<Training>(`/trainings/${mine.id}`)
      if (saves !== sofar) again = true
      else if (run.value?.id === now.id) run.value = { ...now, report: run.value.report }
    } while (again)
  } finally { asking = false }
}

let timer: ReturnType<typeof setTimeout> | undefined
export function write(field: Field, value: string): void {
  if (!run.value) return
  run.value = { ...run.value, report: { ...run.value.report, [field]: value || null } }
  clearTimeout(timer)
  timer = setTimeout(() => void save().catch(() => {}), SAVE_MS)
}
/** @throws Problem */
export async function save(): Promise<void> {
  clearTimeout(timer)
  const mine = run.value
  if (!mine) return
  const sent = Object.fromEntries(Object.entries(mine.report).filter(([, value]) => value))
  saves++
  const now = await request<Training>('PUT', `/trainings/${mine.id}/report`, { body: sent }).finally(() => { saves++ })
  if (run.value?.id === now.id) run.value = { ...now, report: run.value.report }
}
/** @throws Problem */
export async function finish(): Promise<void> { await save(); await load() }
export function leave(): void { run.value = null; void load().catch(() => {}) }

/** Follow while the page is open; gives the way to stop. */
export function follow(): () => void {
  const follower = {
    event: (event: LiveEvent): void => { if (event.type === 'training.changed' && (event.data as { id?: string }).id === run.value?.id) void look().catch(() => {}) },
    refresh: (): void => void look().catch(() => {}),
  }
  followers.push(follower)
  return () => { followers.splice(followers.indexOf(follower), 1) }
}
