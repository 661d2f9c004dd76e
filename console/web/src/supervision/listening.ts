/** Who listens where: what events tell of everybody, and what this page itself asked for. */
import { computed, ref, shallowRef } from 'vue'
import type { LiveEvent } from '../api/types'
import { t } from '../i18n'
import { followers, live } from '../live/store'
import { after, type Mode, type Party } from './choices'
import { wish } from './deeds'

/** Everybody in each conversation, by call. */
export const talks = shallowRef<Map<string, Party[]>>(new Map())
/** Where this supervisor listens. */
export const mine = ref<{ call_id: string; mode: Mode } | null>(null)
export const busy = ref(false)

let following = false
/** Follow the events from the first time that the page is opened; what was told before is in the events of then. */
export function follow(): void {
  if (following) return
  following = true
  followers.push({
    event(event: LiveEvent) {
      talks.value = after(talks.value, event)
      if (event.type === 'call.ended' && (event.data as { call_id?: string }).call_id === mine.value?.call_id) mine.value = null
    },
    refresh() {
      // a conversation that nobody holds any more is over, though its end was missed
      const there = new Set(live.value.agents.map((one) => one.call_id))
      if (mine.value && !there.has(mine.value.call_id)) mine.value = null
      if ([...talks.value.keys()].some((id) => !there.has(id))) talks.value = new Map([...talks.value].filter(([id]) => there.has(id)))
    },
  })
}
export const hearing = computed(() => mine.value?.call_id ?? null)

export async function hear(callId: string, mode: Mode, name: string): Promise<void> {
  busy.value = true
  try {
    if (mine.value && mine.value.call_id !== callId) await stop()
    if (await wish(`/calls/${callId}/listen`, { mode }, t(`supervision.begun.${mode}`, { name }))) mine.value = { call_id: callId, mode }
  } finally { busy.value = false }
}
export async function stop(): Promise<void> {
  const where = mine.value
  if (where && await wish(`/calls/${where.call_id}/listen/stop`, {}, t('supervision.stopped'))) mine.value = null
}
