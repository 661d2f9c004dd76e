import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { choosing, closed, offering, press, Suggester } from './combobox'

beforeEach(() => { vi.useFakeTimers() })
afterEach(() => { vi.useRealTimers() })

describe('suggestions while typing', () => {
  it('asks at most once in 150 ms, and always for the newest text', async () => {
    const asked: string[] = []
    const one = new Suggester<string>(async (text) => { asked.push(text); return [text] }, () => {}, 150, 2, () => Date.now())
    for (const text of ['J', 'Jl', 'Jl.', 'Jl. ', 'Jl. G', 'Jl. Ga']) { one.typed(text); await vi.advanceTimersByTimeAsync(40) }
    await vi.advanceTimersByTimeAsync(300)
    expect(asked[0]).toBe('Jl')
    expect(asked.at(-1)).toBe('Jl. Ga')
    expect(asked.length).toBeLessThanOrEqual(3)
  })
  it('drops an answer that comes after a newer one', async () => {
    const release = new Map<string, (items: string[]) => void>()
    const shown: string[][] = []
    const one = new Suggester<string>((text) => new Promise((resolve) => { release.set(text, resolve) }), (items) => shown.push(items), 150, 2, () => Date.now())
    one.typed('pa')
    await vi.advanceTimersByTimeAsync(200)
    one.typed('pasar')
    await vi.advanceTimersByTimeAsync(200)
    release.get('pasar')!(['new'])
    await vi.advanceTimersByTimeAsync(0)
    release.get('pa')!(['old'])
    await vi.advanceTimersByTimeAsync(0)
    expect(shown).toEqual([['new']])
  })
  it('shows nothing more once the field was left, and nothing when the server is away', async () => {
    const shown: string[][] = []
    const one = new Suggester<string>(async () => { throw new Error('away') }, (items) => shown.push(items), 150, 2, () => Date.now())
    one.typed('pasar')
    await vi.advanceTimersByTimeAsync(200)
    expect(shown).toEqual([[]])
    one.typed('pasar j')
    one.stop()
    await vi.advanceTimersByTimeAsync(500)
    expect(shown).toEqual([[]])
  })
})
describe('keys of the list', () => {
  it('goes down, around and back to the text', () => {
    let box = offering(2)
    const actives = ['ArrowDown', 'ArrowDown', 'ArrowDown', 'ArrowUp'].map((key) => { box = press(box, key).box; return box.active })
    expect(actives).toEqual([0, 1, -1, 1])
  })
  it('is being chosen from between the first arrow and the choice, and not before or after', () => {
    const down = press(offering(2), 'ArrowDown').box
    expect([offering(2), down, press(down, 'Enter').box, press(down, 'ArrowUp').box].map(choosing)).toEqual([false, true, false, false])
  })
  it('takes with Enter only what was chosen with the arrows', () => {
    expect(press(offering(2), 'Enter')).toMatchObject({ take: null, used: false, box: { open: false } })
    expect(press({ open: true, active: 1, count: 2 }, 'Enter')).toMatchObject({ take: 1, used: true, box: { open: false } })
  })
  it('closes with Escape and leaves with Tab, taking nothing', () => {
    expect(press({ open: true, active: 1, count: 2 }, 'Escape')).toMatchObject({ take: null, used: true, box: { open: false } })
    expect(press({ open: true, active: 1, count: 2 }, 'Tab')).toMatchObject({ take: null, used: false, box: { open: false } })
    expect(press(closed, 'ArrowDown').used).toBe(false)
  })
})
