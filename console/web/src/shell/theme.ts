import { ref, watch } from 'vue'

export const THEMES = ['auto', 'light', 'dark', 'contrast'] as const
export type Theme = (typeof THEMES)[number]
const read = (): Theme => { try { return THEMES.find((one) => one === localStorage.getItem('psap-theme')) ?? 'auto' } catch { return 'auto' } }
export const theme = ref<Theme>(read())

/** "auto" follows the device, also its wish for more contrast. */
export function applyTheme(): void {
  const dark = matchMedia('(prefers-color-scheme: dark)')
  const contrast = matchMedia('(prefers-contrast: more)')
  const paint = (): void => {
    document.documentElement.dataset.theme = theme.value !== 'auto' ? theme.value : contrast.matches ? 'contrast' : dark.matches ? 'dark' : 'light'
  }
  dark.addEventListener('change', paint)
  contrast.addEventListener('change', paint)
  watch(theme, () => { paint(); try { localStorage.setItem('psap-theme', theme.value) } catch { /* forgotten at reload */ } })
  paint()
}
