import { describe, expect, it } from 'vitest'
import { bytes, sorted, type Part } from './state'

const part = (name: string, state: Part['state'] = 'up'): Part => ({ part: name, state, since: null, started_at: null, said: null, means: ['', ''], do: ['', ''], runbook: '' })

describe('the state in words', () => {
  it('puts what is wrong first, the worst on top, then the way of a call', () => {
    const parts = [part('watchdog'), part('redis', 'degraded'), part('agi'), part('asterisk'), part('disk', 'down'), part('strange')]
    expect(sorted(parts).map((one) => one.part)).toEqual(['disk', 'redis', 'asterisk', 'agi', 'watchdog', 'strange'])
  })
  it('shortens bytes', () => {
    expect(bytes(0)).toEqual([0, 'B'])
    expect(bytes(1500)).toEqual([1.5, 'kB'])
    expect(bytes(2.5e12)).toEqual([2.5, 'TB'])
    expect(bytes(-1)).toEqual([0, 'B'])
  })
})
