/** The report in the middle column: what of it is shown, and what can be done with it. */
import { computed, ref, watch } from 'vue'
import { patch, post } from '../api/client'
import type { Incident } from '../api/types'
import { either, t, word } from '../i18n'
import { why } from '../lib/errors'
import { readPosition, writePosition, type Field, type Wire } from '../lib/form'
import { fromLocation, placesItself } from '../lib/place'
import { clockTime } from '../lib/time'
import { activeCall, classify, draftOf, drafts, draftTick, forgetReport, live, looked, profile, records, say, zone } from '../live/store'
import type { Told } from './ClosingDialog.vue'
import { locationOf } from './located'

export function useReport() {
  const prankSure = ref(false)
  const closing = ref(false)
  const busy = ref(false)

  const view = computed(() => {
    void draftTick.value
    const callId = activeCall.value
    if (!callId || !drafts.has(callId)) return null
    const draft = draftOf(callId)
    return { callId, draft, fields: draft.fields, state: draft.state, savedAt: draft.savedAt, incident: draft.incident, clashes: draft.clashes, refusal: draft.refusal }
  })
  const phase = computed(() => (view.value && live.value.call?.id === view.value.callId ? live.value.call.phase : 'ended'))
  const classification = computed(() => (view.value ? (records.get(view.value.callId)?.classification ?? 'unclassified') : 'unclassified'))
  const callerNumber = computed(() => {
    const caller = view.value && (live.value.call?.id === view.value.callId ? live.value.call.caller : records.get(view.value.callId)?.caller)
    return caller && !['withheld', 'simless'].includes(caller.kind) ? (caller.e164?.replace(/^\+62/, '0') ?? caller.number) : null
  })
  const location = computed(() => (view.value ? locationOf(view.value.callId) : null))
  const sentTo = computed(() => view.value?.incident?.dispositions ?? [])
  const saved = computed(() => {
    const one = view.value
    switch (one?.state) {
      case undefined: return { text: '', tone: '' }
      case 'saved': return { text: t('report.saved', { time: one?.savedAt ? clockTime(one.savedAt, zone.value) : '' }), tone: 'green' }
      case 'saving': return { text: t('report.saving'), tone: 'amber' }
      case 'dirty': return { text: t('report.dirty'), tone: 'amber' }
      case 'failed': return { text: t('report.failed'), tone: 'red' }
      case 'refused': return { text: t('report.refused', { why: one?.refusal ?? '' }), tone: 'red' }
      default: return { text: t('report.fresh'), tone: '' }
    }
  })
  const agencyName = (id: string): string => either(profile.value?.agencies.find((one) => one.id === id)?.name) || id

  /**
   * A location that arrives puts the pin, once for each that arrives, where no person has put one: not while the telephone
   * only rings (that call may be nobody's), and not before it is known what report this call has already.
   */
  watch([() => view.value?.callId, location, () => ['talking', 'ended'].includes(phase.value) && looked.has(view.value?.callId ?? '')] as const, ([callId, one, ready]) => {
    const draft = view.value?.draft
    if (!callId || !draft || !one || !ready || placed.get(callId) === one.at) return
    const first = !placed.has(callId)
    placed.set(callId, one.at)
    // A report that was written after the location came has been looked at with it, before a reload or at another desk.
    if (first && draft.incident && Date.parse(draft.incident.updated_at) > Date.parse(one.at)) return
    if (placesItself(readPosition(draft.fields.position), one)) draft.set('position', writePosition(fromLocation(one)))
  }, { immediate: true })

  async function mark(kind: string, end = false): Promise<void> {
    const callId = view.value?.callId
    if (!callId) return
    try {
      await classify(callId, kind, end && phase.value === 'talking')
      say(t('class.done', { name: word('class', kind) }))
    } catch (error) {
      say(t('class.failed', { why: why(error) }), 'red')
    }
  }
  /** One key ends a prank. Only where a report already describes an incident is it asked once more. */
  function prank(): void {
    const one = view.value
    if (!one) return
    const described = sentTo.value.length > 0 || classification.value === 'emergency' || (one.fields.place !== '' && one.fields.description !== '')
    if (described) prankSure.value = true
    else void mark('prank', true)
  }
  async function dispatch(agencies: string[], note: string, told: boolean): Promise<string | null> {
    const draft = view.value?.draft
    if (!draft) return null
    try {
      const incident = await draft.ensure()
      if (!incident) return t('dispo.failed', { why: saved.value.text })
      // No If-Match: adding an agency overwrites nobody's words.
      const answer = await post<Incident>(`/incidents/${incident.id}/dispositions`, { agencies, note: note || null, caller_told: told })
      draft.adopt(answer)
      say(t('dispo.done', { names: agencies.map(agencyName).join(', ') }))
      if (classification.value === 'unclassified') await mark('emergency')
      return null
    } catch (error) {
      return t('dispo.failed', { why: why(error) })
    }
  }
  /** The SOP's last step is open: agencies were sent, and nobody has written down what the caller was told. */
  const owesClosing = (incident: Incident | null): boolean =>
    incident !== null && incident.dispositions.length > 0 && !incident.closing && !incident.caller_told_at && !incident.dispositions.some((one) => one.caller_told_at)

  async function close(): Promise<void> {
    const one = view.value
    if (!one || busy.value || phase.value === 'talking' || phase.value === 'ringing') return
    if (classification.value === 'unclassified') { say(t('report.close.unclassified'), 'amber'); return }
    busy.value = true
    try {
      await one.draft.flush()
      if (one.draft.dirty) { say(t('report.close.dirty'), 'red'); return }
      const incident = one.draft.incident
      if (owesClosing(incident)) { closing.value = true; return }
      // What was sent to an agency stays open until the agency is done; the rest ends here.
      if (incident && incident.status !== 'closed' && sentTo.value.length === 0 && classification.value !== 'emergency')
        await patch(`/incidents/${incident.id}`, { status: 'closed' }, { 'If-Match': `"${incident.version}"` })
      forgetReport(one.callId)
      say(t('report.closed'))
    } catch (error) {
      say(why(error), 'red')
    } finally {
      busy.value = false
    }
  }
  /** What the caller was told; null: written down, and the report leaves the desk. */
  async function tellClosing({ told, what, at, finished }: Told): Promise<string | null> {
    const one = view.value
    const incident = one?.draft.incident
    if (!one || !incident) return null
    const body: Wire = { closing: { told, what: what || null, ...(at ? { at } : {}) }, ...(finished ? { status: 'closed' } : {}) }
    try {
      one.draft.adopt(await patch<Incident>(`/incidents/${incident.id}`, body, { 'If-Match': `"${incident.version}"` }))
      forgetReport(one.callId)
      say(t('report.closed'))
      return null
    } catch (error) {
      return t('closing.failed', { why: why(error) })
    }
  }
  const set = (field: Field, value: string): void => { view.value?.draft.set(field, value) }
  return { view, phase, classification, callerNumber, location, sentTo, saved, prankSure, closing, busy, agencyName, mark, prank, dispatch, close, tellClosing, set }
}
/** Which location of a call has been offered to its pin; for the page's life, so that a pin that was taken away stays away. */
const placed = new Map<string, string>()
