/** What taking a suggestion, or hearing where the caller is, writes into the report. Pure. */
import type { CallLocation, Place } from '../api/types'
import { readPosition, writePosition, type Fields, type Position } from './form'

/** House number, RT/RW, "seberang": words that the gazetteer does not know and that nobody may lose. */
const detailed = (typed: string, name: string): boolean => /\d|,/.test(typed.replace(name, ''))

/** The suggestion that was chosen in a field, as changes of the report. What was typed beyond the name stays. */
export function taken(place: Place, field: 'place' | 'landmark', fields: Fields): Partial<Fields> {
  const typed = fields[field].trim()
  const out: Partial<Fields> = { [field]: detailed(typed, place.name) ? typed : place.name }
  if (place.district) out.district = place.district
  if (place.subdistrict) out.subdistrict = place.subdistrict
  if (place.kind === 'district') out.district = place.name
  if (place.kind === 'subdistrict') out.subdistrict = place.name
  const before = readPosition(fields.position)
  // A landmark beside a pin that stands already only describes the way there.
  if (place.latitude !== null && place.longitude !== null && (field === 'place' || !before))
    out.position = writePosition({ latitude: place.latitude, longitude: place.longitude, radius_m: null, located_by: 'gazetteer' })
  return out
}
export function fromLocation(one: CallLocation): Position {
  return { latitude: one.latitude, longitude: one.longitude, radius_m: one.radius_m, located_by: one.source }
}
/**
 * Whether a location that arrives becomes the pin by itself: only over an empty map, or over an older one of its own kind;
 * the caller's telephone is better than the network. What a person put there stays.
 */
export function placesItself(before: Position | null, one: CallLocation): boolean {
  if (!before) return true
  return before.located_by === one.source || (before.located_by === 'network' && one.source === 'shared')
}
/** Where the network's or the caller's location is shown beside the pin: while it is not the pin itself. */
export function besides(pin: Position | null, one: CallLocation | null): CallLocation | null {
  return one && pin && writePosition(fromLocation(one)) === writePosition(pin) ? null : one
}
