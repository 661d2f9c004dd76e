/** The city's profile, brought into the one shape that the page works with. */
import type { Shift } from '../lib/time'

export type Text = string | { id?: string; en?: string }
export interface Category { id: string; key: string; name: Text; questions: Text[]; agencies: string[] }
/** `reachable`: whether a call can be given to them; null: the server does not say. */
export interface AgencyInfo { id: string; name: Text; partner: boolean; categories: string[]; reachable: boolean | null }
export interface District { name: string; subdistricts: string[] }
export interface Profile { site: string; city: Text; timezone: string; categories: Category[]; agencies: AgencyInfo[]; districts: District[]; shifts: Shift[]; /** Neighbouring 112s; the id is their number. */ centres: { id: string; name: Text }[] }

type Raw = Record<string, unknown>
const list = (value: unknown): unknown[] => (Array.isArray(value) ? value : [])
const word = (value: unknown): string => (typeof value === 'string' ? value : '')
const words = (value: unknown): string[] => list(value).filter((one): one is string => typeof one === 'string')
/** `{id, en}`, or one text for both. */
function text(raw: Raw, field: string): Text {
  const value = raw[field]
  return value && typeof value === 'object' ? (value as Text) : word(value)
}

export function readProfile(raw: Raw): Profile {
  const categories = list(raw.categories).map((one) => one as Raw).map((one) => ({
    id: word(one.id), key: word(one.key), name: text(one, 'name'), questions: list(one.questions) as Text[], agencies: words(one.default_agencies),
  }))
  const agency = (value: unknown): AgencyInfo => {
    const one = value as Raw
    return { id: word(one.id), name: text(one, 'name'), partner: one.kind !== 'opd', categories: words(one.categories), reachable: Array.isArray(one.numbers) ? one.numbers.length > 0 : null }
  }
  return {
    site: word(raw.site), city: text(raw, 'name'), timezone: word(raw.timezone) || 'Asia/Jakarta', categories,
    agencies: list(raw.agencies).map(agency), centres: list(raw.neighbours).map((value) => ({ id: word((value as Raw).number), name: text(value as Raw, 'name') })),
    districts: list(raw.districts).map((value) => ({ name: word((value as Raw).name), subdistricts: words((value as Raw).subdistricts) })),
    shifts: list(raw.shifts).map((value) => ({ name: word((value as Raw).name), start: word((value as Raw).start), end: word((value as Raw).end) })),
  }
}
/** Which agencies a category suggests, whichever side of the profile says so. */
export function suggested(profile: Profile, category: string): Set<string> {
  const own = profile.categories.find((one) => one.id === category)?.agencies ?? []
  return new Set([...own, ...profile.agencies.filter((one) => one.categories.includes(category)).map((one) => one.id)])
}
