/** The wall is dark, whatever its device likes: it shines into a room where people work all night. One button makes it light. */
import { nextTick, onBeforeUnmount, onMounted, ref, type Ref } from 'vue'
import { theme } from '../shell/theme'

const KEPT = 'psap-wall'
export function useWallTheme(): { dark: Ref<boolean>; toggle(): void } {
  const dark = ref(((): boolean => { try { return localStorage.getItem(KEPT) !== 'light' } catch { return true } })())
  const root = document.documentElement
  let before = ''
  const paint = (): void => { root.dataset.theme = theme.value === 'contrast' ? 'contrast' : dark.value ? 'dark' : 'light' }
  onMounted(() => { before = root.dataset.theme ?? 'light'; void nextTick(paint) })
  onBeforeUnmount(() => { root.dataset.theme = before })
  return {
    dark,
    toggle() {
      dark.value = !dark.value
      try { localStorage.setItem(KEPT, dark.value ? 'dark' : 'light') } catch { /* forgotten at reload */ }
      paint()
    },
  }
}
