/** A call as one line of time: where it spent its seconds, and with whom. Pure. */
import type { Call, TimelineEntry } from '../api/types'

export type Where = 'gate' | 'queue' | 'ring' | 'talk'
/** `from` and `to` in milliseconds; `agent`: who rang or talked, where that is known. */
export interface Stretch { where: Where; from: number; to: number; agent: string | null }

const ms = (text: string | null | undefined): number | null => (text ? Date.parse(text) : null)

/** Stretches in order of time; what is unknown is left out, not guessed. */
export function stretches(call: Call, nowMs: number): Stretch[] {
  const told = call.timeline ?? []
  return told.some((entry) => entry.what === 'queued') ? fromStory(call, told, nowMs) : fromFigures(call, nowMs)
}

/** A caller who came back to the queue, or was sent on, has several conversations: only the story itself tells. */
function fromStory(call: Call, told: TimelineEntry[], nowMs: number): Stretch[] {
  const out: Stretch[] = []
  const end = ms(call.ended_at) ?? nowMs
  const talking = new Set<string>() // who is in the conversation, beside the caller
  let now: { where: Where | null; from: number; agent: string | null } = { where: null, from: 0, agent: null }
  const go = (where: Where | null, at: number, agent: string | null = null): void => {
    if (now.where && at > now.from) {
      const last = out.at(-1)
      if (last && last.where === now.where && last.agent === now.agent && last.to === now.from) last.to = at
      else out.push({ where: now.where, from: now.from, to: at, agent: now.agent })
    }
    now = { where, from: at, agent }
  }
  for (const entry of told) {
    const at = Math.min(Date.parse(entry.at), end)
    const who = (entry.data.agent ?? entry.data.party ?? null) as string | null
    switch (entry.what) {
      case 'started': go('gate', at); break
      case 'gate': go(null, at); break
      case 'returned': talking.clear(); go('queue', at); break
      case 'answered': talking.add(who ?? ''); break
      case 'talk_ended': talking.delete(who ?? ''); if (!talking.size) go(null, at); break
      case 'ended': talking.clear(); go(null, at); break
      // while somebody talks, a ring elsewhere is the conversation's own matter
      case 'queued': case 'ring_ended': if (!talking.size) go('queue', at); break
      case 'ringing': if (!talking.size) go('ring', at, who); break
    }
    if (talking.size && (entry.what === 'answered' || entry.what === 'talk_ended')) go('talk', at, [...talking].filter(Boolean).join(' + ') || null)
  }
  go(null, end)
  return out
}

function fromFigures(call: Call, nowMs: number): Stretch[] {
  const start = Date.parse(call.started_at)
  const end = ms(call.ended_at) ?? nowMs
  const out: Stretch[] = []
  const add = (where: Where, from: number, to: number, agent: string | null = null): void => { if (to > from) out.push({ where, from: Math.max(from, start), to: Math.min(to, end), agent }) }
  const gateEnd = call.gate.seconds === null ? null : start + call.gate.seconds * 1000
  if (gateEnd !== null) add('gate', start, gateEnd)
  const answered = [...call.legs].reverse().find((leg) => leg.answered_at)
  const answer = ms(answered?.answered_at)
  const wait = call.queue.wait_seconds
  const leftQueue = answer ?? (wait !== null && gateEnd !== null ? gateEnd + wait * 1000 : null)
  if (wait !== null && leftQueue !== null) {
    const joined = leftQueue - wait * 1000
    const ring = call.ring_seconds === null ? 0 : Math.min(call.ring_seconds, wait) * 1000
    add('queue', joined, leftQueue - ring)
    add('ring', leftQueue - ring, leftQueue, call.agent)
  }
  if (answer !== null) add('talk', answer, call.talk_seconds === null ? end : answer + call.talk_seconds * 1000, answered?.agent ?? null)
  return out
}

/** Moments of a scale under the line, in milliseconds after its beginning: a handful, at round seconds. */
export function ticks(totalMs: number): number[] {
  const step = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 1800, 3600].find((seconds) => totalMs / 1000 / seconds <= 8) ?? 7200
  const out: number[] = []
  for (let at = 0; at <= totalMs; at += step * 1000) out.push(at)
  return out
}
