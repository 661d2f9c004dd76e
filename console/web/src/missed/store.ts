/** Missed calls as this page knows them: fetched, then followed by events. */
import { computed, ref } from 'vue'
import { get, post } from '../api/client'
import type { LiveEvent, Page } from '../api/types'
import { t, word } from '../i18n'
import { asked, followers, me, openReport, say } from '../live/store'
import { withEntry, type Missed } from './list'

export const missed = ref<Missed[]>([])
export const more = ref(false)
export const known = ref(false)
const ROLES = ['agent', 'supervisor', 'dispatcher', 'admin']
export const sees = computed(() => me.value !== null && ROLES.includes(me.value.role))
export const anybodys = computed(() => ['supervisor', 'admin'].includes(me.value?.role ?? ''))
export const closes = computed(() => ['agent', 'supervisor', 'admin'].includes(me.value?.role ?? ''))
/** Who can still be helped: what nobody calls back is not counted as work. */
export const waiting = computed(() => missed.value.filter((one) => one.reachable).length)

export async function load(): Promise<void> {
  if (!sees.value) { missed.value = []; return }
  const page = await asked(() => get<Page<Missed>>('/missed?limit=200'))
  if (!page) return
  // what events told meanwhile may be newer than the answer
  const before = missed.value
  missed.value = page.items.map((one) => {
    const old = before.find((other) => other.id === one.id)
    return old && old.version > one.version ? old : { ...one, ...(old?.version === one.version ? { stage: old.stage, call_id: old.call_id } : {}) }
  })
  more.value = page.next !== null
  known.value = true
}

function heard(event: LiveEvent): void {
  if (event.type !== 'missed.changed') return
  const entry = event.data as Missed
  const before = missed.value.find((one) => one.id === entry.id)
  if (before?.status === 'calling' && before.claimed_by === me.value?.username && entry.status !== 'calling')
    say(t('missed.done', { result: word('back', entry.last_result) }), entry.last_result === 'answered' ? 'blue' : 'amber')
  // whom we reached may have an emergency to tell: the form is there
  if (entry.stage === 'citizen_answers' && entry.call_id && entry.claimed_by === me.value?.username) openReport(entry.call_id)
  missed.value = withEntry(missed.value, entry)
}
followers.push({ event: heard, refresh: () => void load() })

async function deed(id: string, what: string, body: unknown = {}): Promise<Missed> {
  const entry = await post<Missed>(`/missed/${id}/${what}`, body)
  missed.value = withEntry(missed.value, entry)
  return entry
}
export const callBack = (id: string, confirm: boolean): Promise<Missed> => deed(id, 'call', { confirm })
export const release = (id: string): Promise<Missed> => deed(id, 'release')
export const close = (id: string, result: string, note: string): Promise<Missed> => deed(id, 'close', { result, note: note.trim() || null })
