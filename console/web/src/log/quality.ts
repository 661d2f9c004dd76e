/** How well a conversation could be heard, as a word that somebody without a network's training understands. Pure. */
import type { LegQuality } from '../api/types'

export type Verdict = 'good' | 'fair' | 'poor'
/** What is worth a word beside the verdict. */
export type Cause = 'loss' | 'jitter' | 'delay' | 'quiet_caller' | 'quiet_agent'

const QUIET = 0.005 // mean level of full scale: a microphone that is off, or nobody speaks

/** Of a whole conversation the mean counts, by the limits of phone/quality.ts; a bad moment makes it fair. */
export function verdict(one: LegQuality): Verdict {
  const loss = one.loss ?? 0
  const jitter = one.jitter_ms ?? 0
  const delay = one.round_trip_ms ?? 0
  if (loss > 0.05 || jitter > 60 || delay > 500) return 'poor'
  if (loss > 0.01 || jitter > 30 || delay > 250 || (one.loss_worst ?? 0) > 0.1 || (one.jitter_ms_worst ?? 0) > 150) return 'fair'
  return 'good'
}
export function causes(one: LegQuality): Cause[] {
  const found: Cause[] = []
  if ((one.loss ?? 0) > 0.01 || (one.loss_worst ?? 0) > 0.1) found.push('loss')
  if ((one.jitter_ms ?? 0) > 30 || (one.jitter_ms_worst ?? 0) > 150) found.push('jitter')
  if ((one.round_trip_ms ?? 0) > 250) found.push('delay')
  if (one.level_in !== null && one.level_in < QUIET) found.push('quiet_caller')
  if (one.level_out !== null && one.level_out < QUIET) found.push('quiet_agent')
  return found
}
