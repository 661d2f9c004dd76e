/** How one person wants the telephone. Kept in this browser, under the person's own name. */
export interface Settings {
  /** `auto`: the desk's where it is there, else this page. */
  telephone: 'auto' | 'desk' | 'browser'
  autoAnswer: boolean
  /** Device ids; '' is the system's own choice. */
  input: string
  output: string
  ring: string
  /** 0 to 1. */
  volume: number
  /** Whether the person was asked about notices of the browser, in our words. */
  asked: boolean
}
export const USUAL: Settings = { telephone: 'auto', autoAnswer: false, input: '', output: '', ring: '', volume: 0.7, asked: false }

const key = (person: string): string => `psap-phone:${person}`

export function readSettings(person: string, store?: Pick<Storage, 'getItem'>): Settings {
  let raw: Record<string, unknown>
  // merely naming the storage throws in a locked-down browser
  try { raw = JSON.parse((store ?? localStorage).getItem(key(person)) ?? '{}') as Record<string, unknown> } catch { raw = {} }
  if (!raw || typeof raw !== 'object') raw = {}
  const text = (name: 'input' | 'output' | 'ring'): string => (typeof raw[name] === 'string' ? raw[name] : '')
  const volume = typeof raw.volume === 'number' && raw.volume >= 0 && raw.volume <= 1 ? raw.volume : USUAL.volume
  return {
    telephone: raw.telephone === 'desk' || raw.telephone === 'browser' ? raw.telephone : 'auto',
    autoAnswer: raw.autoAnswer === true, asked: raw.asked === true, volume,
    input: text('input'), output: text('output'), ring: text('ring'),
  }
}
export function writeSettings(person: string, settings: Settings, store?: Pick<Storage, 'setItem'>): void {
  try { (store ?? localStorage).setItem(key(person), JSON.stringify(settings)) } catch { /* a locked-down browser forgets */ }
}

/** Which telephone `Siap` takes. A registered desk phone stays the telephone: the page does not take it away. */
export function chosen(settings: Settings, deskRegistered: boolean, can: boolean): 'desk' | 'browser' {
  if (settings.telephone !== 'auto') return settings.telephone
  return deskRegistered || !can ? 'desk' : 'browser'
}
