/** Keyboard helpers. */

/** Is this where letters go? Then single keys belong to the text. */
export function typing(target: EventTarget | null): boolean {
  const element = target as HTMLElement | null
  if (!element?.tagName) return false
  if (element.isContentEditable || element.tagName === 'TEXTAREA' || element.tagName === 'SELECT') return true
  return element.tagName === 'INPUT' && !['radio', 'checkbox', 'button'].includes((element as HTMLInputElement).type)
}
