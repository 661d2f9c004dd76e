/** One ticking clock for the whole page, set by the server's, so that waits are right on a desk whose own clock is not. */
import { ref } from 'vue'

let offsetMs = 0
/** Milliseconds since 1970 by the server's clock; changes four times a second. */
export const now = ref(Date.now())

export function serverNow(): number { return Date.now() + offsetMs }

/** The Date header counts whole seconds: only a real difference is worth a correction. */
export function noteServerTime(header: string | null): void {
  if (!header) return
  const told = Date.parse(header)
  if (Number.isNaN(told)) return
  const difference = told + 500 - Date.now()
  offsetMs = Math.abs(difference) > 1500 ? difference : 0
}

export function startClock(): void {
  setInterval(() => { now.value = serverNow() }, 250)
}
