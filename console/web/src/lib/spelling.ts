/** A link read out over the telephone: letters by the ICAO alphabet that radio users in Indonesia share. Pure. */
const LETTERS = 'alfa bravo charlie delta echo foxtrot golf hotel india juliett kilo lima mike november oscar papa quebec romeo sierra tango uniform victor whiskey xray yankee zulu'.split(' ')

export interface Spelt { sign: string; say: string }
/** `digits`: ten words of the language; `capital`, `signs`: how "A" and "-" are said. */
export function spell(text: string, digits: readonly string[], capital: string, signs: Record<string, string>): Spelt[] {
  return [...text].map((sign) => {
    if (/\d/.test(sign)) return { sign, say: digits[Number(sign)] ?? sign }
    const letter = LETTERS[sign.toLowerCase().charCodeAt(0) - 97]
    if (letter && /[a-z]/i.test(sign)) return { sign, say: sign === sign.toLowerCase() ? letter : capital.replace('{letter}', letter) }
    return { sign, say: signs[sign] ?? sign }
  })
}
/** Four signs together: what a person can keep in mind while typing. */
export function inFours<T>(all: readonly T[]): T[][] {
  return Array.from({ length: Math.ceil(all.length / 4) }, (_, group) => all.slice(group * 4, group * 4 + 4))
}
