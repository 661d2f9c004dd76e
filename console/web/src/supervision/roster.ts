/** Rosters for the page: dates as the server writes them (2026-11-22), weeks from Monday on. */
import { get, post, request } from '../api/client'

export interface Cell { shift_date: string; shift: string; agents: string[] }
export interface ShiftShown { id: string; name: string; start: string; end: string }
export interface Plannable { agent: string; name: string }
export interface Rosters { since: string; until: string; today: string; shifts: ShiftShown[]; agents: Plannable[]; items: Cell[] }
export interface PersonNow { agent: string; name: string | null; status: 'here' | 'late' | 'extra' | 'unknown'; state: string | null; since: string | null; late_seconds: number | null }
export interface DutyNow { at: string; shift_date: string; shift: { id: string; name: string; starts_at: string; ends_at: string } | null; planned: number; known: boolean; people: PersonNow[] }

const DAY_MS = 86_400_000
const at = (date: string): number => Date.parse(`${date}T00:00:00Z`)
const iso = (ms: number): string => new Date(ms).toISOString().slice(0, 10)
export function plusDays(date: string, days: number): string { return iso(at(date) + days * DAY_MS) }
/** The Monday of the date's week. */
export function monday(date: string): string { return plusDays(date, -((new Date(at(date)).getUTCDay() + 6) % 7)) }
export function weekOf(first: string): string[] { return Array.from({ length: 7 }, (_, day) => plusDays(first, day)) }
const DAYS = { id: ['Min', 'Sen', 'Sel', 'Rab', 'Kam', 'Jum', 'Sab'], en: ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat'] }
const MONTHS = { id: ['Jan', 'Feb', 'Mar', 'Apr', 'Mei', 'Jun', 'Jul', 'Agu', 'Sep', 'Okt', 'Nov', 'Des'], en: ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'] }
/** `Sen 23 Nov` */
export function dayName(date: string, language: 'id' | 'en'): string {
  const day = new Date(at(date))
  return `${DAYS[language][day.getUTCDay()]} ${day.getUTCDate()} ${MONTHS[language][day.getUTCMonth()]}`
}
/** Where an arrow key leads in a table of so many rows and columns; it stays inside. */
export function step(place: { row: number; column: number }, key: string, rows: number, columns: number): { row: number; column: number } | null {
  const moves: Record<string, [number, number]> = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1], Home: [0, -columns], End: [0, columns] }
  const move = moves[key]
  if (!move) return null
  const inside = (value: number, size: number): number => Math.min(size - 1, Math.max(0, value))
  return { row: inside(place.row + move[0], rows), column: inside(place.column + move[1], columns) }
}

export const fetchWeek = (since: string | null): Promise<Rosters> => get<Rosters>(`/rosters${since ? `?since=${since}` : ''}`)
export const fetchDuty = (): Promise<DutyNow> => get<DutyNow>('/rosters/now')
export const putCell = (cell: Cell): Promise<Cell> => request<Cell>('PUT', '/rosters', { body: cell })
export const copyWeek = (since: string, to: string): Promise<{ items: Cell[] }> => post<{ items: Cell[] }>('/rosters/copy', { since, to })
