/** The page's telephone: opened at going ready, kept through reloads, closed at sign-out; what the parts of the page show of it. */
import { computed, ref, shallowRef, watch } from 'vue'
import { post, request } from '../api/client'
import type { LiveEvent } from '../api/types'
import { t } from '../i18n'
import { why } from '../lib/errors'
import { answers, expired, followers, live, me, mine, refresh, say } from '../live/store'
import { IDLE, phase as phaseOf, type State } from './machine'
import { NoMicrophone, openMicrophone, type MicTrouble } from './microphone'
import { chosen, readSettings, USUAL, writeSettings, type Settings } from './settings'
import type { Credentials } from './sip'
import { Speaker } from './speaker'
import { Telephone } from './telephone'

/** How long the ring waits for the caller's facts. Without the bridge there are none: then it rings without. */
const POP_MS = 400
const REGISTER_MS = 10_000
const GHOST_MS = 3000
const AGAIN_MS = 4000
const NEWS_MS = 150
const NEWS_TIMES = 20
const TALK = 'psap-phone-talk'

export const state = shallowRef<State>(IDLE)
export const phase = computed(() => phaseOf(state.value))
export const settings = ref<Settings>({ ...USUAL })
/** Another tab or another computer is this person's telephone now. */
export const taken = ref(false)
/** What is wrong with the microphone, as a word of `phone.mic.*`; `lost`: unplugged in the middle. */
export const trouble = ref<MicTrouble | 'lost' | null>(null)
/** The page was loaded anew in the middle of a conversation. */
export const reloaded = ref(false)
/** The dialog of sound and microphone: to go ready, or only to set things. */
export const dialog = ref<'ready' | 'settings' | null>(null)
/** The call (id) that this telephone's conversation is; null: none, or one without a pop (a call-back, listening). */
export const talkCall = ref<string | null>(null)
export const microphone = shallowRef<MediaStream | null>(null)
export const callerSound = shallowRef<MediaStream | null>(null)
export const sentSound = shallowRef<MediaStream | null>(null)

export const isOpen = computed(() => state.value.line !== 'idle')
/** This page has, or will ring for, the conversation. */
export const inHand = computed(() => state.value.talk !== 'none')
export const canHold = computed(() => state.value.talk === 'talking' && state.value.line !== 'lost' && state.value.settled)
const deskThere = computed(() => mine.value?.phone_registered === true && mine.value.telephone !== 'browser')
export const speaker = new Speaker(() => settings.value)
/** The last of each kind is kept: a shift has hundreds of calls. */
const mark = (what: string): void => { performance.clearMarks(`psap-phone:${what}`); performance.mark(`psap-phone:${what}`) }

let session = ''
let expected = 0
const telephone = new Telephone(
  async (who) => (await import('./jssip')).makeAgent(who),
  {
    state: (now) => {
      const before = state.value
      state.value = now
      if (before.talk !== now.talk) talkChanged(now)
    },
    beforeRing: async () => {
      mark('invite')
      if (live.value.call?.phase === 'ringing') return
      await new Promise<void>((done) => {
        const stop = watch(live, (now) => { if (now.call?.phase === 'ringing') finish() }, { flush: 'post' })
        const timer = setTimeout(() => finish(), POP_MS)
        const finish = (): void => { clearTimeout(timer); stop(); done() }
      })
    },
    heard: (stream) => { callerSound.value = stream; speaker.play(stream) },
    gone: () => {
      speaker.hush()
      callerSound.value = sentSound.value = null
      if (!isOpen.value) letGo()
    },
    refused: () => void renewCredentials(),
  },
)
export const connection = (): RTCPeerConnection | null => telephone.session?.connection ?? null

function talkChanged(now: State): void {
  const call = live.value.call
  sentSound.value = telephone.sent
  remember(now.talk === 'talking')
  if (now.talk === 'ringing') {
    mark('ring')
    talkCall.value = call && (call.phase === 'ringing' || call.phase === 'talking') ? call.id : null
    reloaded.value = false
    const wanted = expected > Date.now()
    expected = 0
    if (wanted || settings.value.autoAnswer) { speaker.beep(); answer() } else speaker.ring()
  } else if (now.talk === 'none') {
    talkCall.value = null
    speaker.quiet()
  } else {
    speaker.quiet()
  }
}
function remember(on: boolean): void {
  try { if (on) sessionStorage.setItem(TALK, '1'); else sessionStorage.removeItem(TALK) } catch { /* only a convenience */ }
}

// --- what a person does ------------------------------------------------------------------------------
export function answer(): void {
  if (state.value.talk !== 'ringing') return
  mark('answer')
  telephone.answer()
}
export const hangUp = (): void => telephone.hangUp()
export const mute = (on = !state.value.muted): void => telephone.mute(on)
export const hold = (on = !state.value.held): boolean => telephone.hold(on)
export const key = (tone: string): void => telephone.key(tone)
/** The next ring within some seconds was asked for at this page (listening to a colleague): it is taken at once. */
export function expectRing(seconds = 10): void { expected = Date.now() + seconds * 1000 }

/** Listening to a colleague rings the own telephone: where there is none yet, this page is it. False: it could not. */
export async function reachable(): Promise<boolean> {
  if (!isOpen.value && mine.value?.phone_registered !== true) {
    try { await open() } catch (error) {
      const told = error instanceof NoMicrophone ? t(`phone.mic.${error.trouble}`) : t('phone.open.failed', { why: why(error).replace(/\.$/, '') })
      say(told, 'red')
      return false
    }
  }
  if (!inHand.value) expectRing()
  return true
}

export function change(some: Partial<Settings>): void {
  settings.value = { ...settings.value, ...some }
  if (me.value) writeSettings(me.value.username, settings.value)
  speaker.apply()
}
/** Which telephone going ready takes. */
export const next = computed(() => chosen(settings.value, deskThere.value, typeof RTCPeerConnection !== 'undefined'))

// --- opening and closing -----------------------------------------------------------------------------
/** The chosen microphone, opened once and kept: asking for it at the answer would cost the caller half a second.
 *  @throws NoMicrophone */
export async function takeMicrophone(): Promise<MediaStream> {
  try {
    const stream = await openMicrophone(settings.value.input)
    trouble.value = null
    const old = microphone.value
    microphone.value = stream
    const [track] = stream.getAudioTracks()
    if (track) track.onended = () => { if (microphone.value === stream) void unplugged() }
    await telephone.speakInto(stream)
    sentSound.value = telephone.sent
    old?.getTracks().forEach((one) => one.stop())
    return stream
  } catch (error) {
    trouble.value = error instanceof NoMicrophone ? error.trouble : 'failed'
    throw error
  }
}
async function unplugged(): Promise<void> {
  try { await takeMicrophone(); trouble.value = 'lost' } catch { /* told by trouble already */ }
}
async function credentials(): Promise<Credentials> {
  session = crypto.randomUUID()
  return post<Credentials>('/agents/me/phone', { session })
}
/** Be the telephone: registered when it resolves.
 *  @throws NoMicrophone, Problem; Error when the exchange does not take the registration */
export async function open(): Promise<void> {
  const stream = microphone.value?.active ? microphone.value : await takeMicrophone()
  speaker.prepare()
  if (!isOpen.value) {
    // what is left of an older conversation keeps its own telephone until it ends
    const who = await credentials()
    taken.value = false
    await telephone.open(who, stream)
  }
  await registered()
}
function registered(): Promise<void> {
  return new Promise((done, fail) => {
    const look = (now: State): void => { if (now.line === 'ready') { finish(); done() } else if (now.line === 'idle') { finish(); fail(new Error('closed')) } }
    const stop = watch(state, look)
    const timer = setTimeout(() => { finish(); fail(new Error(state.value.why ?? 'unreachable')) }, REGISTER_MS)
    const finish = (): void => { clearTimeout(timer); stop() }
    look(state.value)
  })
}
/** The exchange no longer takes these: ask for new ones, as after its restart. */
async function renewCredentials(): Promise<void> {
  if (taken.value || !isOpen.value || inHand.value || !microphone.value) return
  telephone.close('hang-up')
  try { await telephone.open(await credentials(), microphone.value) } catch { void comeBack() }
}
/** No longer the telephone, by this person's wish. */
export async function close(): Promise<void> {
  const was = isOpen.value
  telephone.close(state.value.talk === 'talking' ? 'finish' : 'hang-up')
  if (!inHand.value) letGo()
  if (was) await request('DELETE', '/agents/me/phone', { body: { session } }).catch(() => {})
}
/** The microphone is nobody's any more: the browser's red dot goes out. */
export function letGo(): void {
  microphone.value?.getTracks().forEach((one) => { one.onended = null; one.stop() })
  microphone.value = null
  trouble.value = null
}
/** Log in to the queue, or come back from a pause, with the telephone that goes with it. */
export async function enter(with_: 'desk' | 'browser'): Promise<void> {
  if (with_ === 'browser') await open()
  const known = mine.value
  if (known?.state === 'paused' && known.telephone === with_) await post('/agents/me/unpause')
  else if (with_ === 'desk') await post('/agents/me/login', { telephone: with_ })
  else await loginHere()
  if (with_ === 'desk' && isOpen.value) await close()
  if (with_ === 'desk') taken.value = false
  await refresh()
}
/** The exchange knows of our registration a moment before the bridge does, which logs us in. */
async function loginHere(): Promise<void> {
  for (let left = NEWS_TIMES; left > 0 && !(mine.value?.telephone === 'browser' && mine.value.phone_registered); left -= 1) {
    await new Promise((done) => setTimeout(done, NEWS_MS))
    await refresh()
  }
  await post('/agents/me/login', { telephone: 'browser' })
}
/** After a reload, or from the banner: be the telephone again, without questions. */
export async function resume(): Promise<boolean> {
  try { await open(); return true } catch { return false }
}

/** Until it is the telephone again, or is not wanted as one any more; the banner says meanwhile that it is not. */
async function comeBack(): Promise<void> {
  const wanted = (): boolean => answers.value && !taken.value && !isOpen.value && mine.value?.telephone === 'browser' && mine.value.state !== 'logged_out'
  while (wanted() && !(await resume()) && !trouble.value) await new Promise((done) => setTimeout(done, AGAIN_MS))
}

// --- what happens around it --------------------------------------------------------------------------
let asked = false
watch(me, (now, before) => {
  if (now?.username === before?.username) return
  if (before) {
    // Signed out in a conversation: the caller goes to the next call taker. An expired session does not cut anybody off.
    telephone.close(expired.value ? 'finish' : 'leave')
    if (!inHand.value) letGo()
  }
  taken.value = reloaded.value = asked = false
  settings.value = now ? readSettings(now.username) : { ...USUAL }
  dialog.value = null
})
watch([mine, answers], () => {
  // The queue's member is this person's browser: after a reload that is this page, and the newest tab is the telephone.
  if (!answers.value || asked || mine.value?.telephone !== 'browser' || mine.value.state === 'logged_out') return
  asked = true
  if (isOpen.value || dialog.value) return
  try { reloaded.value = sessionStorage.getItem(TALK) !== null } catch { /* not known */ }
  remember(false)
  void comeBack()
}, { immediate: true })
watch(live, (now) => {
  const call = now.call
  if (inHand.value && talkCall.value === null && call && (call.phase === 'ringing' || call.phase === 'talking')) talkCall.value = call.id
})
followers.push({
  event(event: LiveEvent) {
    if (event.type === 'phone.taken') {
      const data = event.data as { agent: string; session: string }
      if (data.agent !== me.value?.username || data.session !== session || !isOpen.value) return
      taken.value = true
      telephone.close('finish', 'taken')
      if (!inHand.value) letGo()
    } else if (event.type === 'call.ended') {
      const id = (event.data as { call_id: string }).call_id
      const over = telephone.session
      // The exchange says it is over, and its BYE has not come: no ghost stays on the line.
      if (over && id === talkCall.value) setTimeout(() => { if (telephone.session === over && talkCall.value === id) telephone.hangUp() }, GHOST_MS)
    }
  },
  refresh() {},
})
/** The network, or the way to the server, came back: prove the telephone's socket at once. */
export const check = (): void => telephone.check()
if (typeof window !== 'undefined') {
  addEventListener('online', check)
  addEventListener('beforeunload', (event) => { if (state.value.talk === 'talking') event.preventDefault() })
}
