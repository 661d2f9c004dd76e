/** The wall's figures, asked for again and again: what was heard last, when, and whether the server still answers. */
import { computed, ref, shallowRef } from 'vue'
import { get, Problem } from '../api/client'
import { now, serverNow } from '../lib/clock'
import { asked, live } from '../live/store'
import { waits, type BoardNow, type Today } from './wall'

const EVERY_MS = 5000
const OLD_MS = 12_000

export const board = shallowRef<BoardNow | null>(null)
/** The day as it was last told: it stays on the wall, with its time, while the database is away. */
export const day = shallowRef<Today | null>(null)
/** When the server last answered, milliseconds by its clock; null: not yet. */
export const heardAt = ref<number | null>(null)
const failed = ref(0)
/** Twice without an answer is not a hiccup. */
export const silent = computed(() => failed.value >= 2)
export const old = computed(() => heardAt.value !== null && now.value - heardAt.value > OLD_MS)
/** The queue: counted by events between two answers; null while the bridge, or the server, does not tell. */
export const queue = computed(() => (board.value === null || board.value.waiting === null || silent.value ? null : waits(live.value.waiting.map((one) => one.since), now.value)))
export const agents = computed(() => (board.value?.agents === null || board.value === null || silent.value ? null : live.value.agents))

async function ask(): Promise<void> {
  let answered = true
  const told = await asked(async () => {
    try { return await get<BoardNow>('/board') } catch (error) {
      answered = !(error instanceof Problem && error.away)
      throw error
    }
  })
  failed.value = answered ? 0 : failed.value + 1
  if (!told) return
  board.value = told
  heardAt.value = serverNow()
  if (told.today) day.value = told.today
}
/** Ask while the wall is there; the returned function ends it. The next question waits for the last one's answer. */
export function watchBoard(): () => void {
  let timer: ReturnType<typeof setTimeout> | undefined
  let ended = false
  const round = async (): Promise<void> => {
    await ask()
    if (!ended) timer = setTimeout(() => void round(), EVERY_MS)
  }
  void round()
  return () => { ended = true; clearTimeout(timer) }
}
