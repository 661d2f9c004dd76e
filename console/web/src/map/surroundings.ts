/** What the map stands on: asked for once, again after a failure. */
import { shallowRef } from 'vue'
import type { Surroundings } from '../api/types'
import { get } from '../api/client'
import { asked } from '../live/store'

export const surroundings = shallowRef<Surroundings | null>(null)
let asking: Promise<void> | null = null
export function needSurroundings(): Promise<void> {
  if (surroundings.value) return Promise.resolve()
  asking ??= asked(() => get<Surroundings>('/places')).then((answer) => { surroundings.value = answer; asking = null })
  return asking
}
/** Whether this browser draws by WebGL: old graphics cards and remote desktops do not. */
export function hasWebGl(): boolean {
  webGl ??= ((): boolean => {
    try {
      const context = document.createElement('canvas').getContext('webgl2')
      // A browser grants few of them at a time: this one was only to see.
      context?.getExtension('WEBGL_lose_context')?.loseContext()
      return context !== null
    } catch {
      return false
    }
  })()
  return webGl
}
let webGl: boolean | undefined
