import { describe, expect, it } from 'vitest'
import { clockTime, currentShift, dayTime, dotted, duration } from './time'

const at = Date.parse('2026-11-22T13:31:06.500Z')

describe('times as Indonesians write them', () => {
  it('stand in the zone of the city, not of the desk', () => {
    expect(clockTime(at, 'Asia/Jakarta')).toBe('20.31.06')
    expect(clockTime(at, 'Asia/Jayapura')).toBe('22.31.06')
  })
  it('name the day, and the year only when it is another', () => {
    expect(dayTime(at, 'Asia/Jakarta', 'id', at)).toBe('22 Nov 20.31')
    expect(dayTime(Date.parse('2025-05-03T02:00:00Z'), 'Asia/Jakarta', 'id', at)).toBe('3 Mei 2025 09.00')
  })
  it('crosses midnight with the zone', () => {
    expect(dayTime(Date.parse('2026-11-22T17:30:00Z'), 'Asia/Jakarta', 'en', at)).toBe('23 Nov 00.30')
  })
  it('counts durations with a dot, with hours only from an hour on, never below nothing', () => {
    expect([0, 62.9, 3725, -3].map(duration)).toEqual(['00.00', '01.02', '1.02.05', '00.00'])
  })
  it('finds the shift that passes midnight', () => {
    const shifts = [{ name: 'Sore', start: '16:00:00', end: '23:30:00' }, { name: 'Malam', start: '23:30:00', end: '07:30:00' }]
    expect(currentShift(shifts, at, 'Asia/Jakarta')?.name).toBe('Sore')
    expect(currentShift(shifts, Date.parse('2026-11-22T18:00:00Z'), 'Asia/Jakarta')?.name).toBe('Malam')
    expect(currentShift(shifts, Date.parse('2026-11-22T03:00:00Z'), 'Asia/Jakarta')).toBeNull()
    expect(dotted('16:00:00')).toBe('16.00')
  })
})
