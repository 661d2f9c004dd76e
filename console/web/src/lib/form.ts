/** What a call taker writes, and how two versions of it become one. Pure. */
import type { ReportFields } from '../api/types'

export const FIELDS = [
  'place', 'landmark', 'district', 'subdistrict', 'category', 'description', 'injured', 'danger', 'caller_name', 'callback_number',
] as const satisfies readonly (keyof ReportFields)[]
export type Field = (typeof FIELDS)[number]
export type Fields = Record<Field, string>

export const emptyFields = (): Fields => Object.fromEntries(FIELDS.map((name) => [name, ''])) as Fields

export function fromServer(incident: Partial<ReportFields>): Fields {
  return Object.fromEntries(FIELDS.map((name) => [name, incident[name] ?? ''])) as Fields
}

/** The fields that differ from what the server last told us. An emptied field goes out as null. */
export function changes(base: Fields, mine: Fields): Partial<Record<Field, string | null>> {
  const out: Partial<Record<Field, string | null>> = {}
  for (const name of FIELDS) if (mine[name] !== base[name]) out[name] = mine[name] === '' ? null : mine[name]
  return out
}
export const isDirty = (base: Fields, mine: Fields): boolean => FIELDS.some((name) => base[name] !== mine[name])

/**
 * Three versions become one: where only the other side wrote, theirs; where we wrote, ours, because the
 * person who is talking to the caller knows more. `clashes` names fields that both changed differently.
 */
export function merge(base: Fields, mine: Fields, theirs: Fields): { fields: Fields; clashes: Field[] } {
  const fields = { ...theirs }
  const clashes: Field[] = []
  for (const name of FIELDS) {
    if (mine[name] === base[name]) continue
    fields[name] = mine[name]
    if (theirs[name] !== base[name] && theirs[name] !== mine[name]) clashes.push(name)
  }
  return { fields, clashes }
}
