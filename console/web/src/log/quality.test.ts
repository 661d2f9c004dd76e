import { describe, expect, it } from 'vitest'
import type { LegQuality } from '../api/types'
import { causes, verdict } from './quality'

const leg = (some: Partial<LegQuality>): LegQuality => ({ agent: 'a', samples: 9, loss: 0, loss_worst: 0, jitter_ms: 4, jitter_ms_worst: 9, level_in: 0.1, level_out: 0.1, round_trip_ms: 40, round_trip_ms_worst: 60, ...some })

describe('the quality of a leg in words', () => {
  it('is good while nothing is lost', () => { expect([verdict(leg({})), causes(leg({}))]).toEqual(['good', []]) })
  it('is fair after one bad moment, and says which', () => { expect([verdict(leg({ loss_worst: 0.3 })), causes(leg({ loss_worst: 0.3 }))]).toEqual(['fair', ['loss']]) })
  it('is poor when words are lost all the time', () => { expect(verdict(leg({ loss: 0.08 }))).toBe('poor') })
  it('says who could not be heard', () => { expect(causes(leg({ level_out: 0.001, jitter_ms: 60 }))).toEqual(['jitter', 'quiet_agent']) })
  it('judges nothing by what it does not know', () => { expect(verdict(leg({ loss: null, jitter_ms: null, round_trip_ms: null, loss_worst: null, jitter_ms_worst: null }))).toBe('good') })
})
