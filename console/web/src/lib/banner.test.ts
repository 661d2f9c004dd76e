import { describe, expect, it } from 'vitest'
import { banner, type PartState, type Situation } from './banner'

const well: Situation = { serverUp: true, parts: {}, away: null, degraded: false, polling: false, phoneLost: false, mends: false }
const down: PartState = { state: 'down', detail: '', id: 'Terputus.', en: 'Away.' }
const up: PartState = { state: 'up', detail: '', id: null, en: null }

describe('the banner', () => {
  it('says nothing while everything works', () => {
    expect(banner({ ...well, parts: { redis: up, disk: up } })).toBeNull()
  })
  it('puts the worst first and names the others', () => {
    const found = banner({ ...well, parts: { redis: down, ami: down, asterisk: down, disk: down } })
    expect(found).toMatchObject({ what: 'asterisk', grave: true, others: ['disk', 'redis'] })
  })
  it('shows a silent server before anything that it said earlier', () => {
    expect(banner({ ...well, serverUp: false, parts: { redis: down } })).toMatchObject({ what: 'server', grave: true, others: ['redis'] })
  })
  it("shows a part that it does not know in the server's words", () => {
    expect(banner({ ...well, parts: { backup: down } })).toMatchObject({ what: 'backup', words: down, grave: false })
  })
  it('tells of the watchdog only who can mend it', () => {
    expect(banner({ ...well, parts: { watchdog: down } })).toBeNull()
    expect(banner({ ...well, parts: { watchdog: down }, mends: true })?.what).toBe('watchdog')
  })
  it('believes a refusal until the parts are told', () => {
    expect(banner({ ...well, parts: null, away: 'bridge' })?.what).toBe('bridge')
    expect(banner({ ...well, parts: { ami_bridge: up }, away: 'bridge' })).toBeNull()
  })
  it('says of a part that is there what it says itself, and calls nobody to alarm', () => {
    const drained: PartState = { state: 'degraded', detail: '', id: 'Sedang dikosongkan.', en: 'Being drained.' }
    expect(banner({ ...well, parts: { asterisk: drained } })).toMatchObject({ what: 'asterisk', lessened: true, grave: false, words: drained })
    expect(banner({ ...well, parts: { asterisk: down } })).toMatchObject({ lessened: false, grave: true })
    // what is away goes first, and takes nothing along
    expect(banner({ ...well, parts: { asterisk: drained, ami: down } })).toMatchObject({ what: 'ami', others: ['asterisk'] })
    expect(banner({ ...well, parts: { asterisk: drained, ami_bridge: down } })).toMatchObject({ what: 'bridge', grave: true, others: ['asterisk'] })
  })
  it('tells of the own telephone when nothing else is wrong', () => {
    expect(banner({ ...well, phoneLost: true })?.what).toBe('phone')
    expect(banner({ ...well, phoneLost: true, parts: { redis: down } })?.what).toBe('redis')
  })
})
