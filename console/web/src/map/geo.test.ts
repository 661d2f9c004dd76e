import { describe, expect, it } from 'vitest'
import { gridStep, metres, moved, offset, rings, rounded, step, toldBy, wind, type Known } from './geo'

const johar = { latitude: -6.9719, longitude: 110.4246 }
const place = (name: string, kind: string, latitude: number, longitude: number): Known => ({ name, kind, district: null, subdistrict: null, latitude, longitude })

describe('moving the pin by keys', () => {
  it('moves ten metres, a hundred with shift, in the arrow’s direction', () => {
    const up = step(johar, 'ArrowUp', false)!
    expect(offset(johar, up).north).toBeCloseTo(10, 3)
    const left = step(johar, 'ArrowLeft', true)!
    expect(offset(johar, left).east).toBeCloseTo(-100, 3)
    expect(left.latitude).toBe(johar.latitude)
    expect(metres(step(johar, 'ArrowRight', false)!, johar)).toBeCloseTo(10, 3)
    expect(step(step(johar, 'ArrowDown', true)!, 'ArrowUp', true)!.latitude).toBeCloseTo(johar.latitude, 9)
    expect(step(johar, 'Enter', false)).toBeNull()
  })
})
describe('telling where the pin is', () => {
  it('knows eight winds', () => {
    const around = [[1, 0], [1, 1], [0, 1], [-1, 1], [-1, 0], [-1, -1], [0, -1], [1, -1]].map(([north, east]) => wind(johar, moved(johar, north! * 300, east! * 300)))
    expect(around).toEqual(['n', 'ne', 'e', 'se', 's', 'sw', 'w', 'nw'])
  })
  it('prefers a landmark over the middle of an area, unless it is far', () => {
    const spot = moved(johar, 200, 220)
    const known = [place('Kauman', 'subdistrict', spot.latitude, spot.longitude), place('Pasar Johar', 'landmark', johar.latitude, johar.longitude)]
    const told = toldBy(spot, known)!
    expect([told.place.name, told.wind, rounded(told.metres)]).toEqual(['Pasar Johar', 'ne', 300])
    expect(toldBy(moved(johar, 20_000, 0), [known[0]!, { ...known[1]! }])!.place.name).toBe('Pasar Johar')
    expect(toldBy(moved(johar, 5000, 0), [place('Utara', 'district', moved(johar, 5000, 0).latitude, johar.longitude), known[1]!])!.place.name).toBe('Utara')
    expect(toldBy(johar, [])).toBeNull()
  })
  it('draws rings and a grid that fit', () => {
    expect(rings(620)).toEqual([500, 250, 100])
    expect(rings(2400)).toEqual([2000, 1000, 400])
    expect(gridStep(4000)).toBe(500)
    expect(gridStep(900)).toBe(200)
  })
})
