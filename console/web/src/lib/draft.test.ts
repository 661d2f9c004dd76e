import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import type { Incident } from '../api/types'
import { Draft, type Keep, type Remote } from './draft'
import { emptyFields, type Fields } from './form'

/** A server in memory that keeps its promises: versions, idempotency, 412. */
class Server implements Remote {
  incident: Incident | null = null
  log: string[] = []
  fail: { status: number; detail: string }[] = []
  gate: Promise<void> = Promise.resolve()
  private async enter(what: string): Promise<void> {
    await this.gate
    this.log.push(what)
    const failure = this.fail.shift()
    if (failure) throw failure
  }
  put(fields: object): Incident {
    const before = this.incident ?? { ...emptyFields(), id: 'i1', number: 'SMG-2026-000001', version: 0, status: 'draft', call_id: 'c1', dispositions: [], caller_told_at: null, created_by: 'a', created_at: '2026-11-22T13:00:00Z', updated_at: '2026-11-22T13:00:00Z' }
    this.incident = { ...before, ...fields, version: before.version + 1 } as Incident
    return this.incident
  }
  async create(_callId: string, fields: object): Promise<Incident> {
    await this.enter('create')
    return this.incident ?? this.put(fields)
  }
  async update(_id: string, version: number, fields: object): Promise<Incident> {
    await this.enter(`update ${version} ${JSON.stringify(fields)}`)
    if (version !== this.incident?.version) throw { status: 412, detail: '' }
    return this.put(fields)
  }
  async fetch(): Promise<Incident> {
    await this.enter('fetch')
    return this.incident!
  }
}
class Tab implements Keep {
  kept = new Map<string, { base: Fields; mine: Fields }>()
  read(id: string): { base: Fields; mine: Fields } | null { return this.kept.get(id) ?? null }
  write(id: string, kept: { base: Fields; mine: Fields }): void { this.kept.set(id, kept) }
  drop(id: string): void { this.kept.delete(id) }
}

let server: Server
let tab: Tab
let draft: Draft
const open = (): Draft => new Draft('c1', server, tab, () => 1000)
beforeEach(() => { vi.useFakeTimers(); server = new Server(); tab = new Tab(); draft = open() })
afterEach(() => { draft.cancel(); vi.useRealTimers() })

describe('a report that saves itself', () => {
  it('goes out within half a second of the first key, however long the typing goes on', async () => {
    draft.set('place', 'J')
    await vi.advanceTimersByTimeAsync(300)
    draft.set('place', 'Jl')
    await vi.advanceTimersByTimeAsync(150)
    expect(server.incident?.place).toBe('Jl')
    expect(draft.state).toBe('saved')
    expect(draft.savedAt).toBe(1000)
  })
  it('keeps what was typed while the request was under way, and sends it next', async () => {
    let release = (): void => {}
    server.gate = new Promise((resolve) => { release = resolve })
    draft.set('place', 'Jl')
    await vi.advanceTimersByTimeAsync(450)
    draft.set('place', 'Jl Gajah Mada')
    release()
    server.gate = Promise.resolve()
    await vi.advanceTimersByTimeAsync(600)
    expect(server.incident?.place).toBe('Jl Gajah Mada')
    expect(server.log).toEqual(['create', 'update 1 {"place":"Jl Gajah Mada"}'])
    expect(tab.kept.size).toBe(0)
  })
  it('says saved again when what was typed was taken back before it was sent', async () => {
    draft.set('place', 'Jl')
    await vi.advanceTimersByTimeAsync(450)
    draft.set('place', 'Jl Gajah')
    draft.set('place', 'Jl')
    await vi.advanceTimersByTimeAsync(450)
    expect(draft.state).toBe('saved')
    expect(server.log).toEqual(['create'])
    expect(tab.kept.size).toBe(0)
  })
  it('merges with another hand on 412 and tries again', async () => {
    draft.set('place', 'Jl')
    await vi.advanceTimersByTimeAsync(450)
    server.put({ landmark: 'pasar' })
    draft.set('danger', 'api')
    await vi.advanceTimersByTimeAsync(1000)
    expect(server.incident).toMatchObject({ place: 'Jl', landmark: 'pasar', danger: 'api' })
    expect(draft.fields.landmark).toBe('pasar')
    expect(draft.clashes).toEqual([])
  })
  it('says so and tries again while the server is away', async () => {
    server.fail = [{ status: 0, detail: '' }, { status: 503, detail: '' }]
    draft.set('place', 'Jl')
    await vi.advanceTimersByTimeAsync(450)
    expect(draft.state).toBe('failed')
    await vi.advanceTimersByTimeAsync(3200)
    expect(draft.state).toBe('saved')
    expect(server.incident?.place).toBe('Jl')
  })
  it('does not hammer the server with what it refuses', async () => {
    server.fail = [{ status: 422, detail: 'terlalu panjang' }]
    draft.set('place', 'x')
    await vi.advanceTimersByTimeAsync(20_000)
    expect(server.log).toHaveLength(1)
    expect([draft.state, draft.refusal]).toEqual(['refused', 'terlalu panjang'])
  })
  it('finds the last second of typing again after a reload, also when the server has more', async () => {
    draft.set('place', 'Jl')
    await vi.advanceTimersByTimeAsync(450)
    draft.set('description', 'api besar')
    draft.cancel()
    draft = open()
    draft.adopt(server.incident!)
    expect(draft.fields).toMatchObject({ place: 'Jl', description: 'api besar' })
    await vi.advanceTimersByTimeAsync(900)
    expect(server.incident?.description).toBe('api besar')
  })
  it('loses nothing when the answer to the first save was lost on its way', async () => {
    const { create } = server
    server.create = async (callId, fields) => { await create.call(server, callId, fields); server.create = create; throw { status: 0, detail: '' } }
    draft.set('place', 'Jl')
    await vi.advanceTimersByTimeAsync(450)
    draft.set('place', 'Jl Gajah Mada')
    await vi.advanceTimersByTimeAsync(3000)
    expect(server.incident).toMatchObject({ number: 'SMG-2026-000001', place: 'Jl Gajah Mada' })
    expect([draft.fields.place, draft.state]).toEqual(['Jl Gajah Mada', 'saved'])
  })
  it('makes a report for a disposition even when nothing was typed', async () => {
    expect((await draft.ensure())?.number).toBe('SMG-2026-000001')
    expect(server.log).toEqual(['create'])
  })
})
