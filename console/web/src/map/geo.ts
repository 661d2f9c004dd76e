/** The little geometry that the desk needs. Degrees WGS 84, metres; good to a per cent within a city. Pure. */
import type { Place } from '../api/types'

export interface Spot { latitude: number; longitude: number }
/** A place whose coordinates are known, too. */
export type Known = Place & Spot
export const known = (places: readonly Place[]): Known[] => places.filter((one): one is Known => one.latitude !== null && one.longitude !== null)
const METRES = 111_320 // of one degree of latitude
const radians = (degrees: number): number => (degrees * Math.PI) / 180
const narrow = (latitude: number): number => Math.max(0.01, Math.cos(radians(latitude)))

export function moved(from: Spot, north: number, east: number): Spot {
  const latitude = Math.max(-90, Math.min(90, from.latitude + north / METRES))
  return { latitude, longitude: from.longitude + east / (METRES * narrow(from.latitude)) }
}
/** How far `to` lies north and east of `from`. */
export function offset(from: Spot, to: Spot): { north: number; east: number } {
  return { north: (to.latitude - from.latitude) * METRES, east: (to.longitude - from.longitude) * METRES * narrow((from.latitude + to.latitude) / 2) }
}
export function metres(from: Spot, to: Spot): number {
  const { north, east } = offset(from, to)
  return Math.hypot(north, east)
}
export const WINDS = ['n', 'ne', 'e', 'se', 's', 'sw', 'w', 'nw'] as const
export type Wind = (typeof WINDS)[number]
/** In which of eight directions `to` lies, seen from `from`. */
export function wind(from: Spot, to: Spot): Wind {
  const { north, east } = offset(from, to)
  const eighth = Math.round(Math.atan2(east, north) / (Math.PI / 4))
  return WINDS[(eighth + 8) % 8]!
}
/** Ten metres an arrow key, a hundred with shift; null: not a key that moves the pin. */
export function step(from: Spot, key: string, shift: boolean): Spot | null {
  const far = shift ? 100 : 10
  switch (key) {
    case 'ArrowUp': return moved(from, far, 0)
    case 'ArrowDown': return moved(from, -far, 0)
    case 'ArrowRight': return moved(from, 0, far)
    case 'ArrowLeft': return moved(from, 0, -far)
    default: return null
  }
}

/** People know markets, hospitals and stations; a long street's or an area's middle is only said where nothing better is near. Metres. */
const WORSE: Record<string, number> = { street: 1500, river: 1500, beach: 1500, area: 1500, district: 3000, subdistrict: 3000 }
export interface Bearing { metres: number; wind: Wind; place: Known }
/** The known place by which a spot is best told: a landmark that is near, otherwise a street or an area. */
export function toldBy(spot: Spot, places: readonly Known[]): Bearing | null {
  let best: Bearing | null = null
  let score = Infinity
  for (const place of places) {
    const far = metres(place, spot)
    const weight = far + (WORSE[place.kind] ?? 0)
    if (weight >= score) continue
    score = weight
    best = { metres: far, wind: wind(place, spot), place }
  }
  return best
}
/** What a person says instead of 317 m. */
export function rounded(far: number): number {
  return far < 100 ? Math.round(far / 10) * 10 : far < 1000 ? Math.round(far / 50) * 50 : Math.round(far / 100) * 100
}
/** Three rings around the pin that fit the map: 100, 200, 500, 1000 m ... `across`: metres from the map's middle to its nearer edge. */
export function rings(across: number): number[] {
  const power = 10 ** Math.floor(Math.log10(Math.max(across, 10)))
  const largest = [5, 2, 1].map((factor) => factor * power).find((far) => far <= across) ?? power
  return [largest, largest / 2, largest / 5].map(Math.round)
}
/** A grid line every so many metres, so that about eight stand in the map's width. */
export function gridStep(width: number): number {
  const wanted = width / 8
  const power = 10 ** Math.floor(Math.log10(Math.max(wanted, 1)))
  return [1, 2, 5, 10].map((factor) => factor * power).find((far) => far >= wanted)!
}
