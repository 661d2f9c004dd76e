import { describe, expect, it } from 'vitest'
import { changes, emptyFields, fromServer, isDirty, merge } from './form'

const fields = (some: object) => ({ ...emptyFields(), ...some })

describe('merging a report', () => {
  it('sends only what changed, an emptied field as null', () => {
    expect(changes(fields({ place: 'a', landmark: 'b' }), fields({ place: 'a2', landmark: '' }))).toEqual({ place: 'a2', landmark: null })
    expect(isDirty(fields({}), fields({}))).toBe(false)
  })
  it('keeps ours where we wrote and theirs elsewhere, and names real clashes', () => {
    const merged = merge(fields({ place: 'a' }), fields({ place: 'mine', danger: 'api' }), fields({ place: 'theirs', landmark: 'pasar', danger: 'api' }))
    expect(merged.fields).toMatchObject({ place: 'mine', landmark: 'pasar', danger: 'api' })
    expect(merged.clashes).toEqual(['place'])
  })
  it('reads null as empty', () => {
    expect(fromServer({ place: null, landmark: 'x' })).toMatchObject({ place: '', landmark: 'x' })
  })
})
