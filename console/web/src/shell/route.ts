/** Pages live behind the #: nothing to configure on the server, and never a telephone number in it. */
import { computed, ref } from 'vue'

export type PageName = 'desk' | 'log' | 'calls' | 'call' | 'incident' | 'blocks' | 'missed'
const PATHS: Record<string, PageName> = { meja: 'desk', catatan: 'log', panggilan: 'calls', blokir: 'blocks', 'tak-terjawab': 'missed' }
const hash = ref(location.hash)
addEventListener('hashchange', () => { hash.value = location.hash })

export const route = computed<{ page: PageName; id: string | null }>(() => {
  const [path = '', id] = hash.value.replace(/^#\/?/, '').split('/')
  const page = PATHS[path] ?? 'desk'
  if (id && page === 'calls') return { page: 'call', id }
  if (id && page === 'log') return { page: 'incident', id }
  return { page, id: null }
})
export function go(path: string): void { location.hash = `#/${path}` }
