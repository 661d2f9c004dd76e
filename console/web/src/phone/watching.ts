/** Looks at the conversation's statistics each two seconds: for the eye, and for the call's record. */
import { shallowRef, watch } from 'vue'
import { post, Problem } from '../api/client'
import { between, grade, sample, type Grade, type Quality, type Sample } from './quality'
import { connection, state, talkCall } from './store'

const LOOK_MS = 2000
const TELL_MS = 10_000
/** How closely the first sound is waited for; only until it is there. */
const FIRST_MS = 10
const FIRST_TIMES = 300

export const qualityNow = shallowRef<Quality | null>(null)
export const gradeNow = shallowRef<Grade | null>(null)

let before: Sample | null = null
let toldAt = 0
let kept: Quality[] = []
let about: string | null = null
let untold = false
let timer: ReturnType<typeof setInterval> | undefined

async function look(): Promise<void> {
  const line = connection()
  if (!line || state.value.talk !== 'talking') return
  // On hold nothing is sent to us: that is no fault of the line.
  if (state.value.held) { before = null; return }
  const now = sample((await line.getStats()).values() as Iterable<Record<string, unknown>>, Date.now())
  if (connection() !== line) return
  if (before) {
    const quality = between(before, now)
    qualityNow.value = quality
    gradeNow.value = grade(quality)
    kept.push(quality)
  }
  before = now
  about = talkCall.value ?? about
  if (Date.now() - toldAt >= TELL_MS) await tell()
}
/** The worst of what was seen since the last telling: a mean would hide a second without sound. */
export function worst(seen: Quality[]): Quality {
  const most = (pick: (one: Quality) => number | null): number | null => seen.reduce<number | null>((found, one) => { const value = pick(one); return value === null ? found : Math.max(found ?? 0, value) }, null)
  return { loss: most((one) => one.loss), jitter_ms: most((one) => one.jitter_ms), level_in: most((one) => one.level_in), level_out: most((one) => one.level_out), round_trip_ms: most((one) => one.round_trip_ms) }
}
async function tell(): Promise<void> {
  if (!about || !kept.length || untold) return
  const seen = kept
  kept = []
  toldAt = Date.now()
  // A record that cannot be kept is no reason to disturb a call taker; a server that has no such route is not asked again.
  try { await post(`/calls/${about}/quality`, worst(seen)) } catch (error) { untold = error instanceof Problem && [403, 404, 405].includes(error.status) }
}
async function first(): Promise<void> {
  for (let times = 0; times < FIRST_TIMES; times += 1) {
    if (connection()?.getReceivers().some((one) => one.getSynchronizationSources().length > 0)) { performance.mark('psap-phone:audio'); return }
    await new Promise((done) => setTimeout(done, FIRST_MS))
    if (state.value.talk === 'none') return
  }
}
watch(() => state.value.talk, (now, last) => {
  if (now === 'answering') void first()
  if (now === 'talking' && last !== 'talking') {
    before = null
    kept = []
    about = talkCall.value
    toldAt = Date.now()
    untold = false
    clearInterval(timer)
    timer = setInterval(() => void look(), LOOK_MS)
    void look()
  } else if (now === 'none') {
    clearInterval(timer)
    qualityNow.value = gradeNow.value = null
    void tell()
  }
})
