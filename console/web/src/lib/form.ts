/** What a call taker writes, and how two versions of it become one. Pure. */
import type { LocatedBy, ReportFields } from '../api/types'

/** The words of a report, in the order in which the SOP asks for them. */
export const WORDS = [
  'place', 'landmark', 'district', 'subdistrict', 'category', 'description', 'people', 'injured', 'danger', 'caller_name', 'callback_number',
] as const satisfies readonly (keyof ReportFields)[]
export type Word = (typeof WORDS)[number]
/** `position` is the pin and `answers` what the guide questions brought: each one text (JSON, always written alike), '' for none. */
export const FIELDS = [...WORDS, 'position', 'answers'] as const
export type Field = (typeof FIELDS)[number]
export type Fields = Record<Field, string>
/** A change as the server takes it. */
export type Wire = Record<string, unknown>

/** The SOP's parts and what each asks for: Alt+1..5 goes to the first field of a part. */
export const PARTS: readonly { part: 1 | 2 | 3 | 4 | 5; fields: readonly Field[] }[] = [
  { part: 1, fields: ['place', 'landmark', 'district', 'subdistrict', 'position'] },
  { part: 2, fields: ['category'] },
  { part: 3, fields: ['description', 'answers'] },
  { part: 4, fields: ['people', 'injured', 'danger'] },
  { part: 5, fields: ['caller_name', 'callback_number'] },
]

/** Where it is: degrees WGS 84; `radius_m` is how far it may be wrong, null when nobody said. */
export interface Position { latitude: number; longitude: number; radius_m: number | null; located_by: LocatedBy }
export type Answers = Record<string, string>

/** Six decimals are ten centimetres: nobody knows a place better, and both sides write the same. */
const round = (value: number, decimals: number): number => Number(value.toFixed(decimals))
export function writePosition(one: Position | null): string {
  if (!one) return ''
  return JSON.stringify([round(one.latitude, 6), round(one.longitude, 6), one.radius_m === null ? null : round(one.radius_m, 0), one.located_by])
}
export function readPosition(text: string): Position | null {
  if (!text) return null
  const [latitude, longitude, radius_m, located_by] = JSON.parse(text) as [number, number, number | null, LocatedBy]
  return { latitude, longitude, radius_m, located_by }
}
export function writeAnswers(answers: Answers): string {
  const given = Object.keys(answers).filter((question) => answers[question]).sort()
  return given.length ? JSON.stringify(Object.fromEntries(given.map((question) => [question, answers[question]]))) : ''
}
export const readAnswers = (text: string): Answers => (text ? (JSON.parse(text) as Answers) : {})

export const emptyFields = (): Fields => Object.fromEntries(FIELDS.map((name) => [name, ''])) as Fields

export function fromServer(incident: Partial<ReportFields>): Fields {
  const { latitude, longitude } = incident
  const placed = typeof latitude === 'number' && typeof longitude === 'number'
  return {
    ...(Object.fromEntries(WORDS.map((name) => [name, incident[name] ?? ''])) as Record<Word, string>),
    position: placed ? writePosition({ latitude, longitude, radius_m: incident.radius_m ?? null, located_by: incident.located_by ?? 'typed' }) : '',
    answers: writeAnswers(incident.answers ?? {}),
  }
}

/** The fields that differ from what the server last told us. An emptied field goes out as null. */
export function changes(base: Fields, mine: Fields): Wire {
  const out: Wire = {}
  for (const name of WORDS) if (mine[name] !== base[name]) out[name] = mine[name] === '' ? null : mine[name]
  if (mine.position !== base.position) Object.assign(out, readPosition(mine.position) ?? { latitude: null, longitude: null, radius_m: null, located_by: null })
  if (mine.answers !== base.answers) out.answers = readAnswers(mine.answers)
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
    if (name === 'answers') {
      const merged = mergeAnswers(readAnswers(base.answers), readAnswers(mine.answers), readAnswers(theirs.answers))
      fields.answers = writeAnswers(merged.answers)
      if (merged.clash) clashes.push(name)
      continue
    }
    fields[name] = mine[name]
    if (theirs[name] !== base[name] && theirs[name] !== mine[name]) clashes.push(name)
  }
  return { fields, clashes }
}
/** Two people may ask two questions: each answer is merged by itself. */
function mergeAnswers(base: Answers, mine: Answers, theirs: Answers): { answers: Answers; clash: boolean } {
  const answers = { ...theirs }
  let clash = false
  for (const question of new Set([...Object.keys(base), ...Object.keys(mine)])) {
    const [before, ours, other] = [base[question] ?? '', mine[question] ?? '', theirs[question] ?? '']
    if (ours === before) continue
    answers[question] = ours
    if (other !== before && other !== ours) clash = true
  }
  return { answers, clash }
}
