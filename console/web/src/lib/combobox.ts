/** What a box with suggestions does, without a browser: when it asks, which answer it believes, what keys do. */

/** Asks while somebody types: at most one question in `gap` milliseconds, and never shows an older question's answer over a newer one's. */
export class Suggester<T> {
  private asked = 0
  private shown = 0
  private last = -Infinity
  private timer: ReturnType<typeof setTimeout> | null = null
  private text = ''

  constructor(
    private readonly ask: (text: string) => Promise<T[]>,
    private readonly show: (items: T[], text: string) => void,
    private readonly gap = 150,
    private readonly shortest = 2,
    private readonly clock: () => number = () => performance.now(),
  ) {}

  typed(text: string): void {
    this.text = text.trim()
    if (this.text.length < this.shortest) { this.stop(); this.show([], this.text); return }
    this.timer ??= setTimeout(() => { this.timer = null; void this.go() }, Math.max(0, this.last + this.gap - this.clock()))
  }
  /** Nothing that is still under way is shown any more. */
  stop(): void {
    if (this.timer !== null) clearTimeout(this.timer)
    this.timer = null
    this.shown = this.asked
  }
  private async go(): Promise<void> {
    const number = ++this.asked
    const text = this.text
    this.last = this.clock()
    let items: T[]
    // Without suggestions the field is still a field: what is wrong with the server the banner says.
    try { items = await this.ask(text) } catch { items = [] }
    if (number <= this.shown) return
    this.shown = number
    this.show(items, text)
  }
}

export interface Box { open: boolean; active: number; count: number }
export const closed: Box = { open: false, active: -1, count: 0 }
export const offering = (count: number): Box => ({ open: count > 0, active: -1, count })
/** Whether somebody is choosing with the arrows: then a list that arrives late must not replace the one under the hand. */
export const choosing = (box: Box): boolean => box.open && box.active >= 0
/** WAI-ARIA's combobox with a list: arrows move, Enter takes, Escape closes, and Tab leaves the words as they were typed. */
export function press(box: Box, key: string): { box: Box; take: number | null; used: boolean } {
  const stay = { box, take: null, used: false }
  if (!box.count) return stay
  if (!box.open) return key === 'ArrowDown' || key === 'ArrowUp' ? { box: { ...box, open: true, active: key === 'ArrowDown' ? 0 : box.count - 1 }, take: null, used: true } : stay
  switch (key) {
    // past the last one is the text itself again (-1)
    case 'ArrowDown': return { box: { ...box, active: box.active + 1 >= box.count ? -1 : box.active + 1 }, take: null, used: true }
    case 'ArrowUp': return { box: { ...box, active: box.active < 0 ? box.count - 1 : box.active - 1 }, take: null, used: true }
    case 'Enter': return box.active < 0 ? { box: { ...box, open: false }, take: null, used: false } : { box: { ...box, open: false, active: -1 }, take: box.active, used: true }
    case 'Escape': return { box: { ...box, open: false, active: -1 }, take: null, used: true }
    case 'Tab': return { box: { ...box, open: false, active: -1 }, take: null, used: false }
    default: return stay
  }
}
