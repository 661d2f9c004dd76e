import { describe, expect, it } from 'vitest'
import { emptyFields } from './form'
import { similarKey } from './similar'

describe('looking for the same event', () => {
  it('waits until a place and a kind are known', () => {
    expect(similarKey({ ...emptyFields(), place: 'Jl. Pemuda' })).toBe('')
    expect(similarKey({ ...emptyFields(), category: 'fire' })).toBe('')
    expect(similarKey({ ...emptyFields(), category: 'fire', place: '  ' })).toBe('')
    expect(similarKey({ ...emptyFields(), category: 'fire', landmark: 'Pasar Johar' })).not.toBe('')
  })
  it('does not ask again for words that say nothing of place or kind', () => {
    const one = { ...emptyFields(), category: 'fire', place: 'Jl. Pemuda' }
    expect(similarKey({ ...one, description: 'api besar', caller_name: 'Yuli' })).toBe(similarKey(one))
    expect(similarKey({ ...one, category: 'health' })).not.toBe(similarKey(one))
  })
})
