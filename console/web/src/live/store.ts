/** The page's one store: who is signed in, the city, what happens now, and the reports that are open. */
import { computed, reactive, ref, shallowRef, triggerRef } from 'vue'
import { get, patch, post, Problem, whenExpired } from '../api/client'
import { readProfile, type Profile } from '../api/profile'
import type { Call, History, Incident, LiveEvent, Me, Page, QueueSnapshot } from '../api/types'
import { serverNow } from '../lib/clock'
import type { StateNow } from '../lib/banner'
import { Draft, type Keep, type Remote } from '../lib/draft'
import type { Fields } from '../lib/form'
import { fetchHistory } from './history'
import { Feed, type Link } from './feed'
import { blank, reduce, withRecord, withSnapshot, type Live } from './reducer'

export const me = ref<Me | null>(null)
export const profile = ref<Profile | null>(null)
export const live = shallowRef<Live>(blank(''))
export const link = ref<Link>('connecting')
/** false: the last request got no answer. */
export const serverUp = ref(true)
/** Which part behind the console it said is away, and whether the live stream lost its source. */
export const away = ref<'bridge' | 'asterisk' | 'database' | null>(null)
export const degraded = ref(false)
/** How every part is, as the server last told; null: not told yet. */
export const parts = shallowRef<StateNow | null>(null)
export const expired = ref(false)
export const toast = ref<{ text: string; tone: 'blue' | 'amber' | 'red' } | null>(null)

export const mine = computed(() => live.value.agents.find((agent) => agent.agent === me.value?.username) ?? null)
export const zone = computed(() => profile.value?.timezone ?? 'Asia/Jakarta')
export const answers = computed(() => me.value !== null && ['agent', 'supervisor'].includes(me.value.role))

let toastTimer: ReturnType<typeof setTimeout> | undefined
export function say(text: string, tone: 'blue' | 'amber' | 'red' = 'blue'): void {
  clearTimeout(toastTimer)
  toast.value = { text, tone }
  toastTimer = setTimeout(() => { toast.value = null }, tone === 'blue' ? 4000 : 9000)
}

// --- reports ---------------------------------------------------------------------------------------
const KEEP = 'psap-draft:'
const OPEN = 'psap-open'
const keep: Keep = {
  read: (callId) => { try { return JSON.parse(sessionStorage.getItem(KEEP + callId) ?? 'null') as { base: Fields; mine: Fields } | null } catch { return null } },
  write: (callId, kept) => { try { sessionStorage.setItem(KEEP + callId, JSON.stringify(kept)) } catch { /* full or forbidden: the server has it within half a second */ } },
  drop: (callId) => { try { sessionStorage.removeItem(KEEP + callId) } catch { /* as above */ } },
}
/** The report that this call already has; asked by the call, so that it is found with the bridge away, too. */
async function reportOf(callId: string): Promise<Incident | null> {
  const page = await post<Page<Incident>>('/incidents/search', { call_id: callId, limit: 1 })
  return page.items[0] ?? null
}
const remote: Remote = {
  create: (callId, fields) => heard(async () => {
    // After a reload, or when an answer was lost, the report may be there already, with less typed in it.
    const mine = await reportOf(callId)
    if (mine) return mine
    try {
      return await post<Incident>('/incidents', { call_id: callId, ...fields }, { 'Idempotency-Key': callId })
    } catch (error) {
      // made in this very moment, by another tab
      if (!(error instanceof Problem) || error.key !== 'other_request') throw error
      const theirs = await reportOf(callId)
      if (!theirs) throw error
      return theirs
    }
  }),
  update: (id, version, fields) => heard(() => patch<Incident>(`/incidents/${id}`, fields, { 'If-Match': `"${version}"` })),
  fetch: (id) => heard(() => get<Incident>(`/incidents/${id}`)),
}
export const drafts = reactive(new Map<string, true>())
/** Calls of which the server has said what report they have, if any: before that nothing may be written by itself. */
export const looked = reactive(new Set<string>())
const draftObjects = new Map<string, Draft>()
/** Drafts are plain objects; this says that one of them changed. */
export const draftTick = shallowRef(0)
/** The call whose report is in the middle column. */
export const activeCall = ref<string | null>(null)

function rememberOpen(): void {
  try { sessionStorage.setItem(OPEN, JSON.stringify([...drafts.keys()])) } catch { /* only a convenience */ }
}
export function draftOf(callId: string): Draft {
  let draft = draftObjects.get(callId)
  if (!draft) {
    draft = new Draft(callId, remote, keep, serverNow, () => { draftTick.value += 1; triggerRef(draftTick) })
    draftObjects.set(callId, draft)
    drafts.set(callId, true)
    rememberOpen()
  }
  return draft
}
export function openReport(callId: string): void {
  draftOf(callId)
  activeCall.value = callId
}
export function forgetReport(callId: string): void {
  draftObjects.get(callId)?.cancel()
  draftObjects.delete(callId)
  records.delete(callId)
  looked.delete(callId)
  drafts.delete(callId)
  keep.drop(callId)
  rememberOpen()
  const rest = [...drafts.keys()]
  if (activeCall.value === callId) activeCall.value = live.value.call && drafts.has(live.value.call.id) ? live.value.call.id : (rest.at(-1) ?? null)
}

/** Records of the calls whose reports are open: their classification and evidence. */
export const records = reactive(new Map<string, Call>())
function note(record: Call | null | undefined): void {
  if (record && (drafts.has(record.id) || live.value.call?.id === record.id)) records.set(record.id, record)
}
/** One word for the call, the agent's; `end` hangs up at once. */
export async function classify(callId: string, classification: string, end = false): Promise<void> {
  const record = await patch<Call | undefined>(`/calls/${callId}`, { classification, ...(end ? { end: true } : {}) })
  note(record)
  if (record) live.value = withRecord(live.value, record)
}

// --- now -------------------------------------------------------------------------------------------
let silent = 0
async function heard<T>(run: () => Promise<T>): Promise<T> {
  const note = (answered: boolean): void => {
    silent = answered ? 0 : silent + 1
    // A server that only dies for a moment (a restart) is not worth an alarm in red: twice is.
    serverUp.value = silent < 2
  }
  try {
    const answer = await run()
    note(true)
    return answer
  } catch (error) {
    note(!(error instanceof Problem && error.status === 0))
    throw error
  }
}
/** A question whose refusal the banner tells, and nobody else needs to handle. */
export async function asked<T>(run: () => Promise<T>): Promise<T | null> {
  try {
    return await heard(run)
  } catch (error) {
    if (!(error instanceof Problem)) throw error
    const part = /^(bridge|asterisk|database)_away$/.exec(error.key)?.[1]
    if (part) away.value = part as 'bridge' | 'asterisk' | 'database'
    return null
  }
}
function put(next: Live): void {
  const before = live.value
  live.value = next
  const call = next.call
  if (!call) return
  const started = before.call?.id !== call.id
  const answered = call.phase === 'talking' && (started || before.call?.phase !== 'talking')
  // A ringing call takes the middle column only when nobody writes there; an answered one always does.
  if (call.phase !== 'lost' && (answered || (started && !activeCall.value))) openReport(call.id)
  if (call.phase === 'lost' && before.call?.phase === 'ringing' && activeCall.value === call.id) {
    const draft = draftOf(call.id)
    if (!draft.incident && !draft.dirty) forgetReport(call.id)
  }
  if (started || (answered && !call.record)) void complete(call.id)
}
/** Fill in what events did not tell: the record, and the report that already exists for it. */
async function complete(callId: string): Promise<void> {
  const record = await asked(() => get<Call>(`/calls/${callId}`))
  if (draftObjects.has(callId)) void adoptFor(callId)
  if (!record) return
  note(record)
  let history: History | null = null
  if (!live.value.call?.history) history = await fetchHistory(record)
  live.value = withRecord(live.value, record, history)
}
async function adoptFor(callId: string): Promise<void> {
  const answer = await asked(async () => ({ incident: await reportOf(callId) }))
  if (!answer) return
  if (answer.incident) draftObjects.get(callId)?.adopt(answer.incident)
  looked.add(callId)
}
async function adopt(callId: string, incidentId: string): Promise<void> {
  const incident = await asked(() => remote.fetch(incidentId))
  if (incident) draftObjects.get(callId)?.adopt(incident)
}
export async function refresh(): Promise<void> {
  for (const follower of followers) follower.refresh()
  const snapshot = await asked(() => get<QueueSnapshot>('/queue'))
  if (snapshot) {
    away.value = null
    put(withSnapshot(live.value, snapshot))
  }
}
/** What else on the page follows events, and fetches anew when the queue is fetched. */
export const followers: { event(event: LiveEvent): void; refresh(): void }[] = []
async function pollAll(): Promise<void> {
  await refresh()
  const now = await asked(() => get<StateNow>('/state'))
  if (now) parts.value = now
}
function onEvent(event: LiveEvent): void {
  for (const follower of followers) follower.event(event)
  put(reduce(live.value, event))
  if (event.type === 'call.updated' || event.type === 'call.ended') note((event.data as { call?: Call }).call)
  if (event.type === 'incident.changed') {
    const { id, version } = event.data as { id: string; version: number }
    for (const draft of draftObjects.values())
      if (draft.incident?.id === id && draft.incident.version < version && draft.state !== 'saving') void adopt(draft.callId, id)
  }
}

let feed: Feed | null = null
let healthTimer: ReturnType<typeof setInterval> | undefined
async function begin(user: Me): Promise<void> {
  // Another person at the same desk must not find the last one's drafts.
  let previous: string | null = null
  try { previous = sessionStorage.getItem('psap-user') } catch { /* nothing kept */ }
  if (previous !== null && previous !== user.username) forgetEverything()
  try { sessionStorage.setItem('psap-user', user.username) } catch { /* nothing kept */ }
  me.value = user
  expired.value = false
  live.value = blank(user.username)
  const raw = await asked(() => get<Record<string, unknown>>('/profile'))
  if (raw) profile.value = readProfile(raw)
  let open: string[] = []
  try { open = JSON.parse(sessionStorage.getItem(OPEN) ?? '[]') as string[] } catch { /* none */ }
  for (const callId of open) openReport(callId)
  await refresh()
  for (const callId of open) if (callId !== live.value.call?.id) void complete(callId)
  const last = open.at(-1)
  if (last && !live.value.call) void restoreCall(last)
  feed?.stop()
  feed = new Feed({ event: onEvent, reset: () => void refresh(), poll: pollAll, state: (now) => { serverUp.value = true; silent = 0; parts.value = now }, silent: () => { silent = 2; serverUp.value = false }, link: (state, without) => { link.value = state; degraded.value = without } })
  feed.start()
  clearInterval(healthTimer)
  // Events tell of people; whether the parts behind them live is asked for, seldom.
  healthTimer = setInterval(() => { if (link.value === 'live') void refresh() }, 10_000)
}
/** After a reload in wrap-up: show again whose report is open. */
async function restoreCall(callId: string): Promise<void> {
  const record = await asked(() => get<Call>(`/calls/${callId}`))
  note(record)
  if (!record || live.value.call) return
  const history = await fetchHistory(record)
  if (live.value.call) return
  const leg = [...record.legs].reverse().find((one) => one.answered_at)
  live.value = withRecord({ ...live.value, call: {
    id: callId, phase: 'ended', caller: record.caller, ringingAt: null, answeredAt: Date.parse(leg?.answered_at ?? record.answered_at ?? record.started_at),
    endedAt: null, waitingSince: null, waitSeconds: record.queue.wait_seconds, priority: record.priority, flags: record.flags, gate: record.gate, policy: record.policy, history, record,
  } }, record, history)
}
export async function start(): Promise<void> {
  const user = await asked(() => get<Me>('/me'))
  if (user) await begin(user)
}
export async function signIn(username: string, password: string, code?: string): Promise<void> {
  const answer = await post<Me | { user: Me } | undefined>('/session', { username, password, ...(code ? { code } : {}) })
  serverUp.value = true
  // Refused with `totp_needed` where the role must set up a second factor first.
  await get('/profile')
  const user = answer && 'username' in answer ? answer : await get<Me>('/me')
  await begin(user)
}
export function leave(): void {
  feed?.stop()
  feed = null
  clearInterval(healthTimer)
  me.value = null
}
export function forgetEverything(): void {
  for (const callId of [...drafts.keys()]) forgetReport(callId)
  activeCall.value = null
  try { sessionStorage.clear() } catch { /* nothing was kept */ }
}
whenExpired(() => {
  if (!me.value) return
  expired.value = true
  leave()
})
