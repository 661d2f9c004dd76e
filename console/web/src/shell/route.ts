/** Pages live behind the #: nothing to configure on the server, and never a telephone number in it. */
import { computed, ref } from 'vue'
import { entries, type PageName } from './pages'

export type { PageName }
const hash = ref(location.hash)
addEventListener('hashchange', () => { hash.value = location.hash })

export const route = computed<{ page: PageName; id: string | null }>(() => {
  const [path = '', id] = hash.value.replace(/^#\/?/, '').split('/')
  const found = entries.find(([, entry]) => entry.path === path && Boolean(entry.withId) === Boolean(id))
  return found ? { page: found[0], id: id || null } : { page: 'desk', id: null }
})
export function go(path: string): void { location.hash = `#/${path}` }
