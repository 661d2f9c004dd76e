/** The pairs of colours that the page puts on each other, in all themes: text 4.5:1, edges and signs 3:1 (WCAG 2.2, 1.4.3 and 1.4.11). */
import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'

const source = readFileSync(new URL('./tokens.css', import.meta.url), 'utf8')
type Palette = Record<string, string>
function palette(selector: string): Palette {
  const block = source.split(`${selector} {`)[1]?.split('}')[0] ?? ''
  return Object.fromEntries([...block.matchAll(/--([\w-]+):\s*(#[0-9a-f]{6})/g)].map((found) => [found[1]!, found[2]!]))
}
const light = palette(':root')
const themes: Record<string, Palette> = {
  light,
  dark: { ...light, ...palette(":root[data-theme='dark']") },
  contrast: { ...light, ...palette(":root[data-theme='contrast']") },
}
function luminance(colour: string): number {
  const [red, green, blue] = [1, 3, 5].map((at) => {
    const part = parseInt(colour.slice(at, at + 2), 16) / 255
    return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4
  }) as [number, number, number]
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue
}
export function contrast(one: string, other: string): number {
  const [high, low] = [luminance(one), luminance(other)].sort((a, b) => b - a) as [number, number]
  return (high + 0.05) / (low + 0.05)
}

const TONES = ['green', 'red', 'amber', 'violet', 'blue']
const grounds = ['ground', 'card', 'soft']
const TEXT: [string, string][] = [
  ...grounds.flatMap((ground): [string, string][] => [['ink', ground], ['ink-2', ground]]),
  ...TONES.flatMap((tone): [string, string][] => [[`${tone}-ink`, `${tone}-bg`], ['ink', `${tone}-bg`], ['ink-2', `${tone}-bg`], ['on-color', tone], ...grounds.map((ground): [string, string] => [`${tone}-ink`, ground])]),
  ...['header', 'header-2'].flatMap((ground): [string, string][] => [['header-ink', ground], ['header-ink-2', ground]]),
]
const EDGES: [string, string][] = [
  ...grounds.flatMap((ground): [string, string][] => [['line-strong', ground], ['focus', ground]]),
  ...['green', 'red', 'amber'].flatMap((tone): [string, string][] => [[`${tone}-on-dark`, 'header']]),
  ...TONES.map((tone): [string, string] => [tone, 'card']),
  ['focus-on-dark', 'header'], ['focus-on-dark', 'header-2'],
]

describe.each(Object.keys(themes))('the %s theme', (name) => {
  const colours = themes[name]!
  it.each(TEXT)('%s on %s can be read', (ink, ground) => {
    expect(contrast(colours[ink]!, colours[ground]!)).toBeGreaterThanOrEqual(4.5)
  })
  it.each(EDGES)('%s on %s can be seen', (ink, ground) => {
    expect(contrast(colours[ink]!, colours[ground]!)).toBeGreaterThanOrEqual(3)
  })
})

it('computes as the standard does', () => {
  expect(contrast('#000000', '#ffffff')).toBeCloseTo(21, 5)
  expect(contrast('#777777', '#ffffff')).toBeCloseTo(4.48, 2)
})
