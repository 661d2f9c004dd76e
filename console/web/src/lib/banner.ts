/** What the banner says: pure. The worst that is away comes first and stands for the rest; what only works less well comes after it. */
export interface PartState { state: 'up' | 'degraded' | 'down'; detail: string; id: string | null; en: string | null }
/** GET /state, and the live channel's `state`. */
export interface StateNow { healthy: boolean; since: string; parts: Record<string, PartState> }

export interface Situation {
  serverUp: boolean
  /** null: not told yet. */
  parts: Record<string, PartState> | null
  /** What a refused request said is away. */
  away: 'bridge' | 'asterisk' | 'database' | null
  /** The live stream lost its source, or is itself away. */
  degraded: boolean
  polling: boolean
  phoneLost: boolean
  /** People who can mend are told more. */
  mends: boolean
}
/** `lessened`: it is there and says itself what is the matter (drained, full); the page's own words are for what is away. */
export interface Banner { what: string; grave: boolean; lessened: boolean; words: PartState | null; others: string[] }

const ORDER = ['asterisk', 'ami_bridge', 'ami', 'database', 'agi', 'disk', 'redis']
const GRAVE = ['server', 'asterisk', 'bridge']
/** The page's own name for a part, older than the table of parts. */
const named = (part: string): string => (part === 'ami_bridge' ? 'bridge' : part)

/** The banner, or null when there is nothing to tell. */
export function banner(now: Situation): Banner | null {
  const unwell = new Map<string, PartState | null>()
  if (!now.serverUp) unwell.set('server', null)
  const parts = now.parts ?? {}
  const rank = (name: string): number => (parts[name]?.state === 'down' ? 0 : ORDER.length + 1) + (ORDER.includes(name) ? ORDER.indexOf(name) : ORDER.length)
  const names = Object.keys(parts).filter((name) => parts[name]?.state !== 'up').sort((a, b) => rank(a) - rank(b))
  // what a request was refused for is believed only until the parts themselves are told
  if (now.away && now.serverUp && !now.parts) unwell.set(now.away, null)
  for (const name of names) {
    const hidden = (name === 'watchdog' && !now.mends) || name === 'console'
    if (!hidden) unwell.set(named(name), parts[name] ?? null)
  }
  if (now.degraded && !unwell.has('redis')) unwell.set('redis', null)
  if (!unwell.size && now.polling) unwell.set('polling', null)
  if (!unwell.size && now.phoneLost) unwell.set('phone', null)
  // an exchange that is away takes its own link along: one trouble, not two
  if (unwell.has('asterisk') && parts['asterisk']?.state !== 'degraded') unwell.delete('ami')
  const [first, ...others] = [...unwell.keys()]
  if (first === undefined) return null
  const words = unwell.get(first) ?? null
  const lessened = words?.state === 'degraded' && Boolean(words.id && words.en)
  return { what: first, grave: GRAVE.includes(first) && !lessened, lessened, words, others }
}
