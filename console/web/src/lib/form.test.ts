import { describe, expect, it } from 'vitest'
import { changes, emptyFields, FIELDS, fromServer, isDirty, merge, PARTS, readPosition, writeAnswers, writePosition } from './form'

const fields = (some: object) => ({ ...emptyFields(), ...some })
const pin = writePosition({ latitude: -6.9714284, longitude: 110.4250001, radius_m: null, located_by: 'pin' })

describe('the order of the SOP', () => {
  it('asks where, what, what happened, who is hurt, who is calling; and for every field once', () => {
    expect(PARTS.map((one) => one.part)).toEqual([1, 2, 3, 4, 5])
    expect(PARTS.map((one) => one.fields[0])).toEqual(['place', 'category', 'description', 'people', 'caller_name'])
    expect(PARTS.flatMap((one) => one.fields).sort()).toEqual([...FIELDS].sort())
  })
})
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
    expect(fromServer({ place: null, landmark: 'x', latitude: null, longitude: null, located_by: null })).toMatchObject({ place: '', landmark: 'x', position: '' })
  })
})
describe('a place on the map', () => {
  it('goes out and comes back as one thing, in six decimals', () => {
    expect(changes(fields({}), fields({ position: pin }))).toEqual({ latitude: -6.971428, longitude: 110.425, radius_m: null, located_by: 'pin' })
    expect(fromServer({ latitude: -6.971428, longitude: 110.425, radius_m: null, located_by: 'pin' }).position).toBe(pin)
    expect(readPosition(pin)?.latitude).toBe(-6.971428)
  })
  it('is taken away whole', () => {
    expect(changes(fields({ position: pin }), fields({}))).toEqual({ latitude: null, longitude: null, radius_m: null, located_by: null })
  })
})
describe('answers to guide questions', () => {
  it('are written alike, whatever order they were given in, and empty ones are none', () => {
    expect(writeAnswers({ b: '2', a: '1', c: '' })).toBe(writeAnswers({ a: '1', b: '2' }))
    expect(writeAnswers({ a: '' })).toBe('')
  })
  it('are merged one by one', () => {
    const base = fields({ answers: writeAnswers({ a: '1' }) })
    const merged = merge(base, fields({ answers: writeAnswers({ a: '1', b: 'ours' }) }), fields({ answers: writeAnswers({ a: '1', c: 'theirs' }) }))
    expect(merged).toEqual({ fields: fields({ answers: writeAnswers({ a: '1', b: 'ours', c: 'theirs' }) }), clashes: [] })
    expect(merge(base, fields({ answers: writeAnswers({ a: 'x' }) }), fields({ answers: writeAnswers({ a: 'y' }) })).clashes).toEqual(['answers'])
  })
})
