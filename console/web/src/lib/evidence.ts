/** The bridge's suggestions in words. It lists what it measured; unknown entries show as they came. */
import type { Evidence } from '../api/types'
import { either, t } from '../i18n'

const first = (one: Evidence, ...names: string[]): unknown => names.map((name) => one[name]).find((value) => value !== undefined)
const figure = (value: unknown): string => (typeof value === 'number' ? String(Math.round(value * 10) / 10).replace('.', ',') : String(value))

export function evidenceText(one: Evidence): string {
  const told = either(one)
  if (told) return told
  const what = String(first(one, 'what', 'kind', 'name') ?? '')
  const value = first(one, 'value', 'seconds', 'count', 'n')
  if (/speech/.test(what)) return t('evidence.speech', { n: figure(value) })
  if (/rtp|audio/.test(what)) return t('evidence.no_rtp')
  if (/duration|talk/.test(what)) return t('evidence.duration', { n: figure(value) })
  if (/short/.test(what)) return t('evidence.short', { n: figure(value) })
  if (/mark/.test(what)) return t('evidence.marks', { n: figure(value) })
  if (/challenge/.test(what)) return t('evidence.challenge', { n: figure(value) })
  return [what, value === undefined ? '' : figure(value)].filter(Boolean).join(' ') || JSON.stringify(one)
}
