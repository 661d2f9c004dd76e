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
  try {
    const canvas = document.createElement('canvas')
    return canvas.getContext('webgl2') !== null
  } catch {
    return false
  }
}
