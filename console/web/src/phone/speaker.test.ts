import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { USUAL } from './settings'
import { Speaker } from './speaker'

const notices: { title: string; options: object; closed: boolean }[] = []
class Notice {
  static permission = 'granted'
  onclick: (() => void) | null = null
  private readonly told
  constructor(title: string, options: object) { this.told = { title, options, closed: false }; notices.push(this.told) }
  close(): void { this.told.closed = true }
}
const sources: { loop: boolean; playing: boolean }[] = []
class Context {
  state = 'running'
  destination = {}
  resume(): Promise<void> { return Promise.resolve() }
  createBuffer(): object { return { copyToChannel: () => {} } }
  createGain(): object { return { gain: { value: 0 }, connect: (to: object) => to } }
  createBufferSource(): object {
    const source = { loop: false, playing: false, connect: (to: object) => to, start: () => { source.playing = true }, stop: () => { source.playing = false } }
    sources.push(source)
    return source
  }
}
const page = { hidden: true }
beforeEach(() => { notices.length = sources.length = 0; vi.stubGlobal('Notification', Notice); vi.stubGlobal('AudioContext', Context); vi.stubGlobal('document', page) })
afterEach(() => { vi.unstubAllGlobals(); page.hidden = true; Notice.permission = 'granted' })

it('rings without a timer, and says only that there is a call', () => {
  const speaker = new Speaker(() => USUAL)
  speaker.ring()
  expect(sources.map(({ loop, playing }) => [loop, playing])).toEqual([[true, true]])
  expect(notices).toEqual([{ title: 'Panggilan masuk', options: { tag: 'psap-call', requireInteraction: true, silent: true }, closed: false }])
  speaker.quiet()
  expect(sources[0]!.playing).toBe(false)
  expect(notices[0]!.closed).toBe(true)
})
it('tells nobody who looks at the page, nor without leave', () => {
  page.hidden = false
  new Speaker(() => USUAL).ring()
  page.hidden = true
  Notice.permission = 'default'
  new Speaker(() => USUAL).ring()
  expect(notices).toEqual([])
  expect(sources).toHaveLength(2)
})
