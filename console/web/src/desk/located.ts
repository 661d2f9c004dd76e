/** Where callers are, as the network or their own telephones tell; and the pin that comes of it. */
import { reactive } from 'vue'
import type { CallLocation, LiveEvent } from '../api/types'
import { followers, records } from '../live/store'

const heard = reactive(new Map<string, CallLocation>())
/** The newest location of a call: an event's, or the one that the call's record brought. */
export function locationOf(callId: string): CallLocation | null {
  const [event, record] = [heard.get(callId) ?? null, records.get(callId)?.location ?? null]
  if (!event || !record) return event ?? record
  return Date.parse(event.at) >= Date.parse(record.at) ? event : record
}
followers.push({
  event(event: LiveEvent) {
    if (event.type !== 'call.located' && event.type !== 'call.ringing') return
    // of another's call the server tells the fact, not the place
    const { call_id, location } = event.data as { call_id: string; location?: CallLocation | null }
    if (location) heard.set(call_id, location)
  },
  refresh() { /* the record tells what an event that was missed would have told */ },
})
