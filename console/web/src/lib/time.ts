/** Times as Indonesians write them: 24 hours, a dot between the figures, in the city's zone. */

const formatters = new Map<string, Intl.DateTimeFormat>()
function parts(ms: number, zone: string): Record<string, string> {
  let formatter = formatters.get(zone)
  if (!formatter) {
    formatter = new Intl.DateTimeFormat('en-GB', {
      timeZone: zone, hourCycle: 'h23', year: 'numeric', month: '2-digit', day: '2-digit', hour: '2-digit', minute: '2-digit', second: '2-digit',
    })
    formatters.set(zone, formatter)
  }
  return Object.fromEntries(formatter.formatToParts(ms).map((part) => [part.type, part.value]))
}

const MONTHS = {
  id: ['Jan', 'Feb', 'Mar', 'Apr', 'Mei', 'Jun', 'Jul', 'Agu', 'Sep', 'Okt', 'Nov', 'Des'],
  en: ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'],
}
export type Language = keyof typeof MONTHS

/** `20.31.06` */
export function clockTime(ms: number, zone: string): string {
  const p = parts(ms, zone)
  return `${p.hour}.${p.minute}.${p.second}`
}
/** `20.31` */
export function shortTime(ms: number, zone: string): string {
  const p = parts(ms, zone)
  return `${p.hour}.${p.minute}`
}
/** `12 Nov 09.14`; the year only when it is another one. */
export function dayTime(ms: number, zone: string, language: Language, nowMs: number): string {
  const p = parts(ms, zone)
  const year = parts(nowMs, zone).year === p.year ? '' : ` ${p.year}`
  return `${Number(p.day)} ${MONTHS[language][Number(p.month) - 1]}${year} ${p.hour}.${p.minute}`
}
/** `01.42`, from an hour on `1.02.05`. Negative (clocks differ by a moment) counts as nothing. */
export function duration(seconds: number): string {
  const whole = Math.max(0, Math.floor(seconds))
  const two = (n: number): string => String(n).padStart(2, '0')
  const minutes = Math.floor(whole / 60)
  if (minutes < 60) return `${two(minutes)}.${two(whole % 60)}`
  return `${Math.floor(minutes / 60)}.${two(minutes % 60)}.${two(whole % 60)}`
}
/** Seconds with a comma, as in `6,4`. */
export function decimal(value: number, language: Language): string {
  return value.toLocaleString(language === 'id' ? 'id-ID' : 'en-GB', { maximumFractionDigits: 1 })
}

export interface Shift { name: string; start: string; end: string }
const minutesOf = (text: string): number => {
  const [hours, minutes] = text.split(/[.:]/).map(Number)
  return (hours ?? 0) * 60 + (minutes ?? 0)
}
/** The shift that runs now in the city; the night shift passes midnight. */
export function currentShift(shifts: Shift[], ms: number, zone: string): Shift | null {
  const p = parts(ms, zone)
  const at = Number(p.hour) * 60 + Number(p.minute)
  return shifts.find(({ start, end }) => {
    const from = minutesOf(start)
    const to = minutesOf(end)
    return from < to ? at >= from && at < to : at >= from || at < to
  }) ?? null
}
/** `16:00:00` as `16.00`. */
export function dotted(time: string): string { return time.slice(0, 5).replace(':', '.') }
