/** Talking with more than one: who is on the line, and the dialog's wishes to the exchange. */
import { computed, ref, shallowRef } from 'vue'
import { get, Problem, post } from '../api/client'
import type { LiveEvent } from '../api/types'
import { t, word } from '../i18n'
import { why } from '../lib/errors'
import { asked, followers, live, me } from '../live/store'

export interface Party { id: string; kind: string; name: string; state: 'ringing' | 'talking' | 'gone' }
export interface Listener { id: string; name: string; mode: string }
export interface TalkNow { call_id: string; parties: Party[]; held: boolean; listeners?: Listener[] }
export type Kind = 'agent' | 'agency' | 'centre' | 'queue'
export interface To { kind: Kind; id: string }

export const transferring = ref(false)
export const padOpen = ref(false)
export const talk = shallowRef<TalkNow | null>(null)
const here = computed(() => (talk.value && talk.value.call_id === live.value.call?.id ? talk.value : null))
/** Who else is, or is being rung, in the conversation at this desk. */
export const parties = computed(() => (here.value?.parties ?? []).filter((one) => one.state !== 'gone' && one.id !== `agent:${me.value?.username}`))
/** Supervisors who listen, as far as the city tells call takers of it; who speaks is always told. */
export const listeners = computed(() => (here.value?.listeners ?? []).filter((one) => one.id !== `agent:${me.value?.username}`))

let looked: string | null = null
followers.push({
  event(event: LiveEvent) {
    if (event.type === 'call.talk') {
      const data = event.data as TalkNow
      if (data.call_id === live.value.call?.id || talk.value?.call_id === data.call_id) talk.value = data
    } else if (event.type === 'call.ended' && (event.data as { call_id: string }).call_id === talk.value?.call_id) {
      talk.value = null
    }
  },
  /** After a reload the events are over: asked once for each conversation. */
  refresh() {
    const call = live.value.call
    if (call?.phase !== 'talking' || looked === call.id || talk.value?.call_id === call.id) return
    looked = call.id
    void asked(() => get<Omit<TalkNow, 'call_id'>>(`/calls/${call.id}/parties`)).then((now) => {
      if (now && live.value.call?.id === call.id && talk.value?.call_id !== call.id) talk.value = { call_id: call.id, ...now }
    })
  },
})

/** One wish; null, or why it did not work, in the reader's words. */
async function wish(path: string, body: object): Promise<string | null> {
  const id = live.value.call?.id
  if (!id) return t('talk.over')
  try {
    await post(`/calls/${id}${path}`, body)
    return null
  } catch (error) {
    if (error instanceof Problem && [404, 405].includes(error.status) && error.key !== 'not_found') return t('talk.unavailable')
    const told = error instanceof Problem ? word('talk.error', error.key) : ''
    return t('talk.failed', { why: error instanceof Problem && told !== error.key ? told : why(error) })
  }
}
/** `cold`: the call taker leaves at once. `warm`: stays until it is said that the other has it. */
export const transfer = (to: To, how: 'cold' | 'warm'): Promise<string | null> => wish('/transfer', { to, how })
export const add = (to: To): Promise<string | null> => wish('/parties', { to })
export const drop = (party: string): Promise<string | null> => wish('/parties/drop', { party })
export const leave = (): Promise<string | null> => wish('/leave', {})
