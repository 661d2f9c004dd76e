import { describe, expect, it } from 'vitest'
import type { CallLocation, Place } from '../api/types'
import { emptyFields, readPosition, writePosition, type Position } from './form'
import { besides, fromLocation, placesItself, taken } from './place'

const johar: Place = { name: 'Pasar Johar', kind: 'market', district: 'Semarang Tengah', subdistrict: 'Kauman', latitude: -6.9719, longitude: 110.4246 }
const fields = (some: object) => ({ ...emptyFields(), ...some })
const network: CallLocation = { latitude: -6.98, longitude: 110.41, radius_m: 800, source: 'network', at: '2026-11-22T13:00:00Z' }
const pin = (located_by: Position['located_by']): Position => ({ latitude: -6.9, longitude: 110.4, radius_m: null, located_by })

describe('taking a suggestion', () => {
  it('writes the name, the areas and the pin', () => {
    const out = taken(johar, 'place', fields({ place: 'pasar jo' }))
    expect(out).toMatchObject({ place: 'Pasar Johar', district: 'Semarang Tengah', subdistrict: 'Kauman' })
    expect(readPosition(out.position!)).toEqual({ latitude: -6.9719, longitude: 110.4246, radius_m: null, located_by: 'gazetteer' })
  })
  it('keeps a house number that was typed', () => {
    expect(taken({ ...johar, name: 'Jalan Gajah Mada', kind: 'street' }, 'place', fields({ place: 'gajah mada 17 rt 3' })).place).toBe('gajah mada 17 rt 3')
  })
  it('does not move the pin for a landmark beside it, but sets one where there is none', () => {
    expect(taken(johar, 'landmark', fields({ position: writePosition(pin('gazetteer')) })).position).toBeUndefined()
    expect(readPosition(taken(johar, 'landmark', fields({ landmark: 'joh' })).position!)?.located_by).toBe('gazetteer')
  })
  it('leaves the map alone where only the name is known', () => {
    expect(taken({ ...johar, latitude: null, longitude: null }, 'place', fields({})).position).toBeUndefined()
  })
})
describe('a location that arrives', () => {
  it('becomes the pin on an empty map, or over an older one of its kind; the telephone beats the network', () => {
    const shared = { ...network, source: 'shared' as const }
    expect([placesItself(null, network), placesItself(pin('network'), network), placesItself(pin('network'), shared)]).toEqual([true, true, true])
    expect([placesItself(pin('shared'), network), placesItself(pin('pin'), shared), placesItself(pin('gazetteer'), network)]).toEqual([false, false, false])
  })
  it('is shown beside the pin until it is the pin', () => {
    expect(besides(pin('pin'), network)).toBe(network)
    expect(besides(fromLocation(network), network)).toBeNull()
  })
})
