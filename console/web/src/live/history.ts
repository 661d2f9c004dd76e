/** Earlier calls and reports of a number, for when the pop itself was missed (a reload in mid-call). */
import { get, post } from '../api/client'
import type { Call, History, Incident, Page } from '../api/types'

export async function fetchHistory(record: Call): Promise<History | null> {
  const number = record.caller.e164 ?? record.caller.number
  if (!number || ['withheld', 'simless', 'unknown'].includes(record.caller.kind)) return null
  try {
    // A number never stands in a URL: searches are posted.
    const calls = (await post<Page<Call>>('/calls/search', { number, limit: 20 })).items.filter((one) => one.id !== record.id)
    const ids = [...new Set(calls.map((one) => one.incident_id).filter((id): id is string => id !== null))].slice(0, 5)
    const incidents = await Promise.all(ids.map((id) => get<Incident>(`/incidents/${id}`).catch(() => null)))
    const why = await post<{ explanation?: { id: string; en: string } }>('/blocklist/search', { number }).catch(() => null)
    return {
      calls: calls.map(({ id, started_at, ending, classification }) => ({ id, started_at, ending, classification })),
      calls_total: calls.length,
      incidents: incidents.filter((one) => one !== null),
      marks: null,
      why: why?.explanation && typeof why.explanation === 'object' ? why.explanation : null,
    }
  } catch {
    return null
  }
}
