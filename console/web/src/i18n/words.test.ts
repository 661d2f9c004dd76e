/** Every visible word comes from the dictionaries, in both languages; no time is written the browser's own way. */
import { readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { NodeTypes, type AttributeNode, type TemplateChildNode } from '@vue/compiler-dom'
import { parse } from 'vue/compiler-sfc'
import { en as base } from './en'
import { id as basis } from './id'
import { parts } from './parts'

const SOURCE = fileURLToPath(new URL('..', import.meta.url))
const id: Record<string, string> = { ...basis, ...parts.id }
const en: Record<string, string> = { ...base, ...parts.en }
const files = readdirSync(SOURCE, { recursive: true, encoding: 'utf8' }).filter((name) => /\.(vue|ts)$/.test(name) && !name.endsWith('.test.ts')).map((name) => ({ name, text: readFileSync(SOURCE + name, 'utf8') }))
const users = files.filter(({ name }) => !/^i18n\/(id|en|parts\/.*)\.ts$/.test(name))

/** Names of the languages in themselves, keys as they are engraved, units, and signs. */
const SAME_EVERYWHERE = /^(Indonesia|English|112|Esc|Alt|Ctrl|F\d+|kB?|km|m|[^\p{L}]*)$/u
const SPOKEN = new Set(['aria-label', 'title', 'placeholder', 'alt', 'label', 'aria-description'])

function* hardCoded(nodes: readonly TemplateChildNode[]): Generator<string> {
  for (const node of nodes) {
    if (node.type === NodeTypes.TEXT) {
      for (const word of node.content.trim().split(/\s+/)) if (!SAME_EVERYWHERE.test(word)) { yield node.content.trim(); break }
    } else if (node.type === NodeTypes.INTERPOLATION) {
      const expression = 'content' in node.content ? String((node.content as { content: unknown }).content) : ''
      // a sentence inside {{ }}: two words in quotes with a blank between them
      const sentence = /'([^']*\p{L}{2,} \p{L}{2,}[^']*)'/u.exec(expression)?.[1]
      if (sentence) yield sentence
    } else if (node.type === NodeTypes.ELEMENT) {
      // keys and commands are the same everywhere
      if (['script', 'style', 'kbd', 'code'].includes(node.tag)) continue
      for (const prop of node.props) {
        if (prop.type !== NodeTypes.ATTRIBUTE) continue
        const { name, value } = prop as AttributeNode
        if (SPOKEN.has(name) && value && !SAME_EVERYWHERE.test(value.content)) yield `${name}="${value.content}"`
      }
      yield* hardCoded(node.children)
    }
  }
}

describe('the words of the page', () => {
  it.each(files.filter(({ name }) => name.endsWith('.vue')).map(({ name, text }) => [name, text]))('%s shows no word of its own', (name, text) => {
    const ast = parse(text, { filename: name }).descriptor.template?.ast
    expect([...hardCoded(ast?.children ?? [])]).toEqual([])
  })

  it('are the same in both languages, with the same blanks to fill', () => {
    const blanks = (text: string): string[] => [...text.matchAll(/\{(\w+)\}/g)].map((found) => found[1]!).sort()
    expect(Object.keys(en).sort()).toEqual(Object.keys(id).sort())
    for (const key of Object.keys(id)) {
      expect(id[key], key).toBeTruthy()
      expect(en[key], key).toBeTruthy()
      expect(blanks(en[key]!), key).toEqual(blanks(id[key]!))
    }
  })

  it('are translated: no sentence is the same in both', () => {
    expect(Object.keys(id).filter((key) => id[key] === en[key] && /\p{L}{3,} \p{L}{3,}/u.test(id[key]!))).toEqual([])
  })

  it('stand once: no two dictionaries hold the same key', () => {
    const counted = new Map<string, number>()
    const all = files.filter(({ name }) => /^i18n\/(id|parts\/(?!index).*)\.ts$/.test(name))
    for (const { text } of all) {
      const indonesian = text.split('export const en')[0]!
      for (const [, key] of indonesian.matchAll(/(?:^|[\s{,])'([\w.-]+)': ['"`]/g)) counted.set(key!, (counted.get(key!) ?? 0) + 1)
    }
    expect([...counted].filter(([, times]) => times > 1).map(([key]) => key)).toEqual([])
  })

  it('are there for every key that is put together from parts', () => {
    const missing: string[] = []
    const known = Object.keys(id)
    for (const { name, text } of users) {
      for (const [, group] of text.matchAll(/\bword\('(\w+)'/g)) if (!known.some((key) => key.startsWith(`${group}.`))) missing.push(`${name}: ${group}.…`)
      for (const [, head] of text.matchAll(/\b(?:t|known|key)\(`([\w.]+)\$\{/g)) if (!known.some((key) => key.startsWith(head!))) missing.push(`${name}: ${head}…`)
    }
    expect(missing).toEqual([])
  })

  it('write times with a dot, in the zone of the city', () => {
    const own = users.filter(({ name }) => name !== 'lib/time.ts')
    expect(own.filter(({ text }) => /toLocale(Time|Date)String|Intl\.DateTimeFormat|\.getHours\(|\.getMinutes\(/.test(text)).map(({ name }) => name)).toEqual([])
  })
})
