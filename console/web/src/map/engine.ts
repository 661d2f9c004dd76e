/** What the desk asks of a map, whichever library draws it. */
import type { CallLocation } from '../api/types'
import type { Position } from '../lib/form'
import type { Known, Spot } from './geo'

export interface Scene { pin: Position | null; seen: CallLocation | null; places: readonly Known[] }
export interface Engine {
  draw(scene: Scene): void
  /** Bring a spot into view; nearer when the city as a whole was shown. A spot that is well in view moves nothing. */
  look(at: Spot, nearer: boolean): void
  zoom(by: number): void
  center(): Spot
  /** The box has another size. */
  fit(): void
  stop(): void
}
export interface Start { center: Spot; zoom: number }
/** `picked`: the pin was put there by click or drag. */
export type Make = (box: HTMLElement, start: Start, picked: (spot: Spot) => void) => Promise<Engine> | Engine

export const CITY_ZOOM = 12
export const STREET_ZOOM = 16

/** An element that a library puts on the map: words are text, never markup. */
export function label(kind: string, words: string): HTMLElement {
  const element = document.createElement('span')
  element.className = `map-label ${kind}`
  element.textContent = words
  return element
}
export function pinElement(): HTMLElement {
  const element = document.createElement('span')
  element.className = 'map-pin'
  return element
}
