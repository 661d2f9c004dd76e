/** The page's words. `t('queue.count', { n: 3 })`; the language is the user's and stays in this browser. */
import { ref, watchEffect } from 'vue'
import type { Language } from '../lib/time'
import { en as base } from './en'
import { id as basis } from './id'
import { parts } from './parts'

const id = { ...basis, ...parts.id }
const en = { ...base, ...parts.en }
export type Key = keyof typeof id
const DICTIONARIES: Record<Language, Record<Key, string>> = { id, en }
const stored = ((): Language => { try { return localStorage.getItem('psap-language') === 'en' ? 'en' : 'id' } catch { return 'id' } })()
export const language = ref<Language>(stored)

watchEffect(() => {
  if (typeof document === 'undefined') return
  document.documentElement.lang = language.value
  try { localStorage.setItem('psap-language', language.value) } catch { /* a locked-down browser forgets */ }
})

export function t(key: Key, values: Record<string, string | number> = {}): string {
  return DICTIONARIES[language.value][key].replace(/\{(\w+)\}/g, (whole, name: string) => String(values[name] ?? whole))
}
/** A word of a closed set that the server may have grown: the bare word is better than nothing. */
export function word(group: string, value: string | null | undefined): string {
  if (value === null || value === undefined || value === '') return t('app.none')
  const key = `${group}.${value}`
  return key in id ? t(key as Key) : value
}
/** Texts that the server gives in both languages, or in one. */
export function either(text: unknown): string {
  if (typeof text === 'string') return text
  if (text && typeof text === 'object') {
    const both = text as Record<string, string>
    return both[language.value] ?? both.id ?? both.en ?? ''
  }
  return ''
}
