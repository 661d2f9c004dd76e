import { describe, expect, it } from 'vitest'
import { bars, soundOf } from './listening'

describe('a recording on the page', () => {
  it('draws the loudest of each stretch', () => {
    expect(bars([0.1, 0.9, 0.2, 0.3], 2)).toEqual([0.9, 0.3])
    expect(bars([0.5, 1], 4)).toEqual([0.5, 0.5, 1, 1])
    expect(bars([], 4)).toEqual([])
  })
  it('gives each listening a word of its own', () => {
    expect(soundOf('x')).toMatch(/^\/api\/v1\/recordings\/x\?listening=[0-9a-f]{24}$/)
    expect(soundOf('x')).not.toBe(soundOf('x'))
  })
})
