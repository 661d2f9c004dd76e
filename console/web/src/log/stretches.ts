/** A call as one line of time: where it spent its seconds. Pure. */
import type { Call } from '../api/types'

export type Where = 'gate' | 'queue' | 'ring' | 'talk'
export interface Stretch { where: Where; from: number; to: number }

const ms = (text: string | null | undefined): number | null => (text ? Date.parse(text) : null)

/** Stretches in order of time, from the figures of the record; what is unknown is left out, not guessed. */
export function stretches(call: Call, nowMs: number): Stretch[] {
  const start = Date.parse(call.started_at)
  const end = ms(call.ended_at) ?? nowMs
  const out: Stretch[] = []
  const add = (where: Where, from: number, to: number): void => { if (to > from) out.push({ where, from: Math.max(from, start), to: Math.min(to, end) }) }
  const gateEnd = call.gate.seconds === null ? null : start + call.gate.seconds * 1000
  if (gateEnd !== null) add('gate', start, gateEnd)
  const answer = ms([...call.legs].reverse().find((leg) => leg.answered_at)?.answered_at)
  const wait = call.queue.wait_seconds
  const leftQueue = answer ?? (wait !== null && gateEnd !== null ? gateEnd + wait * 1000 : null)
  if (wait !== null && leftQueue !== null) {
    const joined = leftQueue - wait * 1000
    const ring = call.ring_seconds === null ? 0 : Math.min(call.ring_seconds, wait) * 1000
    add('queue', joined, leftQueue - ring)
    add('ring', leftQueue - ring, leftQueue)
  }
  if (answer !== null) add('talk', answer, call.talk_seconds === null ? end : answer + call.talk_seconds * 1000)
  return out
}
