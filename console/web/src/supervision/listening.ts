/** Who listens where: what is told of everybody, and what this page itself asked for. */
import { computed, ref, shallowRef } from 'vue'
import { get, post, Problem } from '../api/client'
import type { LiveEvent } from '../api/types'
import { t } from '../i18n'
import { asked, followers, live, me, say } from '../live/store'
import { expectRing, reachable } from '../phone/store'
import { after, hearingOf, withTalk, type Mode, type Talk, type Talks } from './choices'
import { refusal } from './deeds'

/** Everybody in each conversation, by call. */
export const talks = shallowRef<Talks>(new Map())
/** What was asked for here and may not be told to anybody (a city can keep listening quiet). */
const wanted = ref<{ call_id: string; mode: Mode } | null>(null)
/** Where this supervisor listens. */
export const mine = computed(() => hearingOf(talks.value, live.value.agents, me.value?.username ?? '') ?? wanted.value)
export const busy = ref(false)

const RETRY_MS = 400
const TRIES = 8
const held = (): Set<string | null> => new Set(live.value.agents.map((one) => one.call_id))

/** The conversation as it is now: events tell changes only. */
async function look(callId: string): Promise<void> {
  const told = await asked(() => get<Talk>(`/calls/${callId}/parties`))
  if (told) talks.value = withTalk(talks.value, callId, told)
}
let following = false
/** Follow the events from the first time that the page is opened, after one look at what goes on. */
export function follow(): void {
  if (me.value?.role === 'supervisor') for (const callId of held()) if (callId) void look(callId)
  if (following) return
  following = true
  followers.push({
    event(event: LiveEvent) {
      const before = talks.value
      talks.value = after(before, event)
      const call = (event.data as { call_id?: string } | undefined)?.call_id
      if (!wanted.value || wanted.value.call_id !== call) return
      const listened = before.get(call)?.listeners.length ?? 0
      // the telephone was put down, or the call is over
      if (event.type === 'call.ended' || (event.type === 'call.talk' && listened > (talks.value.get(call)?.listeners.length ?? 0))) wanted.value = null
    },
    refresh() {
      // a conversation that nobody holds any more is over, though its end was missed
      const there = held()
      if (wanted.value && !there.has(wanted.value.call_id)) wanted.value = null
      if ([...talks.value.keys()].some((id) => !there.has(id))) talks.value = new Map([...talks.value].filter(([id]) => there.has(id)))
    },
  })
}

const pause = (): Promise<void> => new Promise((done) => setTimeout(done, RETRY_MS))
/** Ring this supervisor's telephone into a conversation, or change what it does there. */
export async function hear(callId: string, mode: Mode, name: string): Promise<void> {
  busy.value = true
  const before = mine.value
  try {
    // the page is the telephone where there is none on the desk; what was asked for here needs no second hand
    if (!(await reachable())) return
    // from listening to joining, or to another conversation: the telephone has to be put down first
    const moved = before !== null && (before.call_id !== callId || mode === 'join' || before.mode === 'join')
    if (moved) {
      await hangUp(before.call_id)
      expectRing()
    }
    for (let tries = 0; ; tries += 1) {
      try {
        await post(`/calls/${callId}/listen`, { mode })
        break
      } catch (error) {
        // it is on its way down
        if (!moved || !(error instanceof Problem) || !['agent_busy', 'already_there'].includes(error.key) || tries >= TRIES) throw error
        await pause()
      }
    }
    wanted.value = { call_id: callId, mode }
    say(before && !moved ? t(`supervision.now.${mode}`, { name }) : t(`supervision.begun.${mode}`, { name }))
  } catch (error) {
    say(t('supervision.refused', { why: refusal(error) }), 'red')
  } finally { busy.value = false }
}
async function hangUp(callId: string): Promise<void> {
  try {
    await post(`/calls/${callId}/listen/stop`, {})
  } catch (error) {
    if (!(error instanceof Problem) || error.key !== 'not_found') throw error // it was put down already
  }
  if (wanted.value?.call_id === callId) wanted.value = null
}
export async function stop(): Promise<void> {
  const where = mine.value
  if (!where || busy.value) return
  busy.value = true
  try {
    await hangUp(where.call_id)
    say(t('supervision.stopped'))
  } catch (error) {
    say(t('supervision.refused', { why: refusal(error) }), 'red')
  } finally { busy.value = false }
}
