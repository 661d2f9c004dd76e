import { describe, expect, it } from 'vitest'
import { id } from '../i18n/id'
import { parts } from '../i18n/parts'
import { KEYS, pressed, setSingleKeys, type KeyEntry } from './keys'

const nothing = { ctrlKey: false, altKey: false, metaKey: false, shiftKey: false, repeat: false, target: null, code: '' }

describe('the registry of keys', () => {
  it('gives no key to two deeds, and words to each', () => {
    const taken = new Map<string, string>()
    for (const [name, entry] of Object.entries(KEYS) as [string, KeyEntry][]) {
      for (const combo of entry.combos) {
        expect(taken.get(combo), `${combo} is taken by ${taken.get(combo)} and wanted by ${name}`).toBeUndefined()
        taken.set(combo, name)
      }
      expect({ ...id, ...parts.id }, name).toHaveProperty([entry.words])
    }
  })

  it('leaves single letters to the categories of the city', () => {
    for (const [name, entry] of Object.entries(KEYS) as [string, KeyEntry][])
      if (name !== 'report.category') for (const combo of entry.combos) expect(combo).not.toMatch(/^[A-Z0-9]$/)
  })

  it('knows a key by its place when Alt is held', () => {
    expect(pressed({ ...nothing, altKey: true, key: 'µ', code: 'KeyM' }, 'phone.mute')).toBe(true)
    expect(pressed({ ...nothing, key: 'm', code: 'KeyM' }, 'phone.mute')).toBe(false)
    expect(pressed({ ...nothing, altKey: true, ctrlKey: true, key: 'm', code: 'KeyM' }, 'phone.mute')).toBe(false)
  })

  it('takes no key that is held down, nor one that belongs to a text', () => {
    expect(pressed({ ...nothing, key: 'F8' }, 'report.dispatch')).toBe(true)
    expect(pressed({ ...nothing, key: 'F8', repeat: true }, 'report.dispatch')).toBe(false)
    const field = { tagName: 'INPUT', type: 'text' } as unknown as EventTarget
    expect(pressed({ ...nothing, key: '?', shiftKey: true }, 'page.keys')).toBe(true)
    expect(pressed({ ...nothing, key: '?', shiftKey: true, target: field }, 'page.keys')).toBe(false)
    expect(pressed({ ...nothing, key: 'F1', target: field }, 'page.keys')).toBe(true)
  })

  it('can be told to leave single keys alone', () => {
    setSingleKeys(false)
    expect(pressed({ ...nothing, key: '?' }, 'page.keys')).toBe(false)
    expect(pressed({ ...nothing, key: 'F1' }, 'page.keys')).toBe(true)
    setSingleKeys(true)
  })
})
