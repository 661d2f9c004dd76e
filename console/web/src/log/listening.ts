/** What the server tells of a call's recordings, and how the page says which pieces of sound are one listening. */
import { get } from '../api/client'

export interface Recording { id: string; call_id: string; started_at: string; seconds: number; bytes: number; mended: boolean }
export interface RecordingList { items: Recording[]; hearing: 'allowed' | 'role' | 'not_yours' | 'too_old'; why: { id: string; en: string } }
export interface Waveform { seconds: number; peaks: number[] }

export const SPEEDS = ['1', '1.25', '1.5'] as const
export type Speed = (typeof SPEEDS)[number]
export const STEP = 5 // seconds that an arrow moves

export const recordingsOf = (call: string): Promise<RecordingList> => get<RecordingList>(`/calls/${call}/recordings`)
export const waveformOf = (id: string): Promise<Waveform> => get<Waveform>(`/recordings/${id}/waveform`)

/** The address of one listening. The browser fetches it in pieces; the audit notes one. */
export function soundOf(id: string): string {
  const random = crypto.getRandomValues(new Uint8Array(12))
  return `/api/v1/recordings/${id}?listening=${Array.from(random, (one) => one.toString(16).padStart(2, '0')).join('')}`
}

/** Peaks for so many bars: the loudest of each stretch, so that a shout is never lost between two. */
export function bars(peaks: readonly number[], count: number): number[] {
  if (!peaks.length || count <= 0) return []
  if (peaks.length <= count) return Array.from({ length: count }, (_, at) => peaks[Math.min(peaks.length - 1, Math.floor((at * peaks.length) / count))] ?? 0)
  return Array.from({ length: count }, (_, at) => {
    const from = Math.floor((at * peaks.length) / count)
    const to = Math.max(from + 1, Math.floor(((at + 1) * peaks.length) / count))
    return Math.max(...peaks.slice(from, to))
  })
}
