/**
 * Every key of the page in one place, so that two features never take the same one and `?` can list them all.
 * A feature adds its line to KEYS and asks `pressed(event, 'name')` in its own listener; keys.test.ts refuses a key that is taken.
 * Single letters and figures belong to the city's categories (profile): a feature takes F keys or Alt with a letter.
 */
import { ref } from 'vue'
import type { Key } from '../i18n'

/** The headings of the list that `?` shows. */
export type Group = 'phone' | 'report' | 'class' | 'page'
export interface KeyEntry {
  /** `F8`, `Alt+W`, `Ctrl+S`, `?`; letters in capitals. Any of them does it. */
  combos: readonly string[]
  /** How the list and the controls show it. */
  shown: string
  /** What it does, in words. */
  words: Key
  group: Group
}

export const KEYS = {
  'phone.answer': { combos: ['F2'], shown: 'F2', words: 'keys.phone.answer', group: 'phone' },
  'phone.mute': { combos: ['Alt+M'], shown: 'Alt+M', words: 'keys.phone.mute', group: 'phone' },
  'phone.hold': { combos: ['Alt+H'], shown: 'Alt+H', words: 'keys.phone.hold', group: 'phone' },
  'phone.transfer': { combos: ['Alt+T'], shown: 'Alt+T', words: 'keys.phone.transfer', group: 'phone' },
  'phone.end': { combos: ['Alt+X'], shown: 'Alt+X', words: 'keys.phone.end', group: 'phone' },
  'phone.pad': { combos: ['Alt+K'], shown: 'Alt+K', words: 'phone.pad.title', group: 'phone' },
  'report.part': { combos: ['Alt+1', 'Alt+2', 'Alt+3', 'Alt+4', 'Alt+5'], shown: 'Alt+1 … 5', words: 'keys.parts', group: 'report' },
  'report.category': { combos: ['1', '2', '3', '4', '5', '6', '7', '8', '9', '0'], shown: '1 … 9, 0', words: 'keys.category', group: 'report' },
  'report.dispatch': { combos: ['F8'], shown: 'F8', words: 'keys.dispo', group: 'report' },
  'report.merge': { combos: ['Alt+G'], shown: 'Alt+G', words: 'keys.merge', group: 'report' },
  'report.different': { combos: ['Alt+B'], shown: 'Alt+B', words: 'keys.different', group: 'report' },
  'report.location': { combos: ['Alt+L'], shown: 'Alt+L', words: 'keys.location', group: 'report' },
  'report.map': { combos: ['Alt+P'], shown: 'Alt+P', words: 'keys.map', group: 'report' },
  'report.save': { combos: ['Ctrl+S'], shown: 'Ctrl+S', words: 'keys.save', group: 'report' },
  'report.close': { combos: ['Alt+W'], shown: 'Alt+W', words: 'keys.close', group: 'report' },
  'class.information': { combos: ['F5'], shown: 'F5', words: 'keys.info', group: 'class' },
  'class.ghost': { combos: ['F6'], shown: 'F6', words: 'keys.ghost', group: 'class' },
  'class.prank': { combos: ['F7'], shown: 'F7', words: 'keys.prank', group: 'class' },
  'class.other': { combos: ['F9'], shown: 'F9', words: 'keys.other', group: 'class' },
  'recording.play': { combos: [' '], shown: '␣', words: 'recording.keys.play', group: 'page' },
  'recording.back': { combos: ['ArrowLeft'], shown: '←', words: 'recording.keys.back', group: 'page' },
  'recording.ahead': { combos: ['ArrowRight'], shown: '→', words: 'recording.keys.ahead', group: 'page' },
  'page.desk': { combos: ['Alt+J'], shown: 'Alt+J', words: 'keys.desk', group: 'page' },
  'page.keys': { combos: ['?', 'F1'], shown: '?  F1', words: 'keys.help', group: 'page' },
  'page.close': { combos: ['Escape'], shown: 'Esc', words: 'keys.esc', group: 'page' },
} as const satisfies Record<string, KeyEntry>
export type KeyName = keyof typeof KEYS

const KEPT = 'psap-single-keys'
/** Keys without Ctrl, Alt or F can be switched off by who hits them by accident (WCAG 2.1.4). */
export const singleKeys = ref(((): boolean => { try { return localStorage.getItem(KEPT) !== 'off' } catch { return true } })())
export function setSingleKeys(on: boolean): void {
  singleKeys.value = on
  try { localStorage.setItem(KEPT, on ? 'on' : 'off') } catch { /* forgotten at reload */ }
}

/** Is this where letters go? Then single keys belong to the text. */
export function typing(target: EventTarget | null): boolean {
  const element = target as HTMLElement | null
  if (!element?.tagName) return false
  if (element.isContentEditable || element.tagName === 'TEXTAREA' || element.tagName === 'SELECT') return true
  return element.tagName === 'INPUT' && !['radio', 'checkbox', 'button'].includes((element as HTMLInputElement).type)
}

type Pressed = Pick<KeyboardEvent, 'key' | 'code' | 'ctrlKey' | 'altKey' | 'metaKey' | 'shiftKey' | 'repeat' | 'target'>
function is(event: Pressed, combo: string): boolean {
  const at = combo.lastIndexOf('+')
  const [modifier, key] = at > 0 ? [combo.slice(0, at), combo.slice(at + 1)] : ['', combo]
  if (event.altKey !== (modifier === 'Alt') || event.ctrlKey !== (modifier === 'Ctrl') || event.metaKey) return false
  // With Alt some layouts write another sign: the place of the key counts then.
  if (modifier === 'Alt' && key.length === 1) return event.code === (/\d/.test(key) ? `Digit${key}` : `Key${key}`)
  if (key.length > 1) return event.key === key && !event.shiftKey
  if (modifier === '' && (typing(event.target) || !singleKeys.value)) return false
  return event.key.toUpperCase() === key
}
/** Whether this event is that key, pressed anew: not held down, and not a letter that belongs to a text. */
export function pressed(event: Pressed, name: KeyName): boolean {
  return !event.repeat && KEYS[name].combos.some((combo) => is(event, combo))
}
/** How the key of a deed is written on its control: `shownKey('report.dispatch')` is `F8`. */
export function shownKey(name: KeyName): string { return KEYS[name].shown }
