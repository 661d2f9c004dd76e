/** When the machine looks for reports of the same event, and what it no longer offers. Pure, but for the tab's memory. */
import type { Fields } from './form'

/** What a search for the same event stands on; '' while too little is known: a place and a kind of event. */
export function similarKey(fields: Fields): string {
  const place = fields.position || fields.place.trim() || fields.landmark.trim()
  if (!place || !fields.category) return ''
  return JSON.stringify([fields.category, fields.position, fields.place.trim(), fields.landmark.trim(), fields.district, fields.subdistrict])
}
const KEPT = 'psap-different:'
/** The reports of which somebody said "another event", remembered for this report also over a reload. */
export function different(callId: string): Set<string> {
  try { return new Set(JSON.parse(sessionStorage.getItem(KEPT + callId) ?? '[]') as string[]) } catch { return new Set() }
}
export function sayDifferent(callId: string, incidentId: string): void {
  try { sessionStorage.setItem(KEPT + callId, JSON.stringify([...different(callId), incidentId])) } catch { /* offered once more after a reload */ }
}
