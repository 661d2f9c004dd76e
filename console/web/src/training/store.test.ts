import { beforeEach, describe, expect, it, vi } from 'vitest'

const client = vi.hoisted(() => ({ get: vi.fn(), post: vi.fn(), request: vi.fn() }))
vi.mock('../api/client', () => client)
vi.mock('../live/store', () => ({ followers: [], me: { value: null } }))
vi.mock('../phone/store', () => ({ next: { value: 'desk' }, open: vi.fn() }))

import { look, run, save, write, type Training } from './store'

const started: Training = {
  id: 't', agent: 'agent1', kind: 'teases', number: '', gate: 'key0', stage: 'talking', started_at: '', ended_at: null,
  report: {}, score: null, steps: [], title: null, lines: [],
}
const ended = (points: number): Training => ({ ...started, stage: 'ended', score: { points, marks: [] } })

describe('an exercise that ends while its report is being saved', () => {
  beforeEach(() => { vi.resetAllMocks(); run.value = { ...started } })

  it('does not take an older score over the one that the report got', async () => {
    let answer!: (value: Training) => void
    client.get.mockImplementationOnce(() => new Promise<Training>((resolve) => { answer = resolve })).mockResolvedValue(ended(90))
    client.request.mockResolvedValue(ended(90))
    write('classification', 'prank')
    const looking = look() // asked before the report was sent, answered after it was saved
    await save()
    answer(ended(44))
    await looking
    expect(run.value?.score?.points).toBe(90)
    expect(run.value?.report.classification).toBe('prank')
    expect(client.get).toHaveBeenCalledTimes(2)
  })
})
