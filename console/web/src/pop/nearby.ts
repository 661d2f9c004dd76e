/** Open incidents near the caller or from the same number: asked for when the call comes, and again when its place becomes known. */
import { ref, watch, type Ref } from 'vue'
import { post } from '../api/client'
import { locationOf } from '../desk/located'
import { asked } from '../live/store'

export interface Nearby {
  incident: { id: string; number: string; category: string | null; status: string; place: string | null; landmark: string | null; subdistrict: string | null; created_at: string }
  metres: number | null; minutes: number; same_number: boolean
}
/** null: not known yet. */
export function useNearby(callId: () => string | null): Ref<Nearby[] | null> {
  const found = ref<Nearby[] | null>(null)
  watch([callId, () => { const id = callId(); return id ? locationOf(id) : null }], async ([id, place], [before]) => {
    if (id !== before) found.value = null
    if (!id) return
    const answer = await asked(() => post<{ items: Nearby[] }>('/incidents/nearby', { call_id: id, ...(place ? { latitude: place.latitude, longitude: place.longitude } : {}) }))
    // another call may have come meanwhile
    if (answer && callId() === id) found.value = answer.items
  }, { immediate: true })
  return found
}
/** `180 m`, `2,1 km`. */
export function distance(metres: number, decimal: (value: number) => string): string {
  return metres < 1000 ? `${Math.round(metres / 10) * 10} m` : `${decimal(Math.round(metres / 100) / 10)} km`
}
