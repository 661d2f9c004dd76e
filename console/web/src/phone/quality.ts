/** How good the line is, out of the browser's own statistics. */
export interface Sample { at: number; received: number; lost: number; jitter: number | null; roundTrip: number | null; levelIn: number | null; levelOut: number | null }
/** As `POST /calls/{id}/quality` takes it: loss 0 to 1, milliseconds, levels 0 to 1; null: unknown. */
export interface Quality { loss: number | null; jitter_ms: number | null; level_in: number | null; level_out: number | null; round_trip_ms: number | null }
export type Grade = 'good' | 'fair' | 'poor'

type Stat = Record<string, unknown>
const number = (value: unknown): number | null => (typeof value === 'number' && Number.isFinite(value) ? value : null)

/** One look at the statistics (`RTCPeerConnection.getStats`). */
export function sample(report: Iterable<Stat>, at: number): Sample {
  const found: Sample = { at, received: 0, lost: 0, jitter: null, roundTrip: null, levelIn: null, levelOut: null }
  for (const one of report) {
    if (one.kind !== undefined && one.kind !== 'audio') continue
    if (one.type === 'inbound-rtp') {
      found.received += number(one.packetsReceived) ?? 0
      found.lost += Math.max(0, number(one.packetsLost) ?? 0)
      found.jitter = number(one.jitter)
      found.levelIn = number(one.audioLevel)
    } else if (one.type === 'remote-inbound-rtp') {
      found.roundTrip = number(one.roundTripTime) ?? found.roundTrip
    } else if (one.type === 'candidate-pair' && one.nominated === true) {
      found.roundTrip ??= number(one.currentRoundTripTime)
    } else if (one.type === 'media-source') {
      found.levelOut = number(one.audioLevel)
    }
  }
  return found
}

const milli = (seconds: number | null): number | null => (seconds === null ? null : Math.round(seconds * 1000))
const share = (value: number | null): number | null => (value === null ? null : Math.round(Math.min(1, Math.max(0, value)) * 1000) / 1000)

/** What happened between two looks. */
export function between(before: Sample, after: Sample): Quality {
  const lost = Math.max(0, after.lost - before.lost)
  const all = lost + Math.max(0, after.received - before.received)
  return {
    // no packet at all in two seconds is a line that is cut, not a perfect one
    loss: share(all === 0 ? 1 : lost / all),
    jitter_ms: milli(after.jitter), round_trip_ms: milli(after.roundTrip), level_in: share(after.levelIn), level_out: share(after.levelOut),
  }
}

/** One word for it. The limits are those at which speech begins to suffer (ITU-T G.113, G.114). */
export function grade(now: Quality): Grade {
  const { loss, jitter_ms: jitter, round_trip_ms: trip } = now
  if ((loss ?? 0) > 0.05 || (jitter ?? 0) > 60 || (trip ?? 0) > 500) return 'poor'
  if ((loss ?? 0) > 0.01 || (jitter ?? 0) > 30 || (trip ?? 0) > 250) return 'fair'
  return 'good'
}
