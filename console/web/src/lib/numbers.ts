/** Telephone numbers for the eye. Never for a URL, never for a log. */
import type { Caller } from '../api/types'

/** `+6281225550141` and `081225550141` as `0812-2555-0141`; anything else as it came. */
export function pretty(number: string): string {
  const local = number.startsWith('+62') ? `0${number.slice(3)}` : number
  // what the server has masked already keeps the form that people know
  if (/^0\d+\*+\d+$/.test(local)) return local
  if (!/^0\d{7,12}$/.test(local)) return number
  if (local.startsWith('08')) return [local.slice(0, 4), local.slice(4, 8), local.slice(8)].filter(Boolean).join('-')
  const area = /^0(21|22|24|31|61)/.test(local) ? 3 : 4
  return `${local.slice(0, area)}-${local.slice(area)}`
}

/** `0857-4412-•••9`: enough to tell two callers apart, not enough to ring somebody. */
export function masked(number: string): string {
  const whole = pretty(number)
  if (whole.includes('*')) return whole
  const digits = whole.replace(/\D/g, '').length
  if (digits < 6) return whole
  let seen = 0
  return whole.replace(/\d/g, (figure) => {
    seen += 1
    return seen > digits - 4 && seen < digits ? '•' : figure
  })
}

export type Identity = { text: string; word: 'withheld' | 'simless' | 'unknown' | null }

/** What to show for a caller: a number, or the reason why there is none. */
export function identify(caller: Caller | null, mask: boolean): Identity {
  if (!caller) return { text: '', word: 'unknown' }
  if (caller.kind === 'simless') return { text: '', word: 'simless' }
  const number = caller.e164 ?? caller.number
  if (caller.kind === 'withheld' || caller.presentation === 'withheld') return { text: '', word: 'withheld' }
  if (!number) return { text: '', word: 'unknown' }
  return { text: mask ? masked(number) : pretty(number), word: null }
}

/** Indonesian mobile prefixes, for the line under the number. Numbers can be ported: "prefix of". */
const PREFIXES: [RegExp, string][] = [
  [/^08(11|12|13|21|22|23|51|52|53)/, 'Telkomsel'],
  [/^08(14|15|16|55|56|57|58)/, 'Indosat'],
  [/^08(17|18|19|59|77|78|79|31|32|33|38)/, 'XL/Axis'],
  [/^08(95|96|97|98|99)/, 'Tri'],
  [/^08(81|82|83|84|85|86|87|88|89)/, 'Smartfren'],
]
export function operator(caller: Caller | null): string | null {
  const number = caller?.e164 ?? caller?.number
  if (!number || caller?.kind === 'simless') return null
  const local = number.startsWith('+62') ? `0${number.slice(3)}` : number
  return PREFIXES.find(([pattern]) => pattern.test(local))?.[1] ?? null
}

/** In a narrow list: the number, or in a word why there is none. */
export function briefly(caller: Caller | null): { text: string; key: 'kind.withheld' | 'kind.simless' | 'caller.unknown' | null } {
  const { text, word } = identify(caller, true)
  return { text, key: word === null ? null : word === 'unknown' ? 'caller.unknown' : `kind.${word}` }
}
