/**
 * A report that saves itself while it is typed. Knows nothing of Vue or HTTP: what it needs is handed in,
 * so that its promises (nothing lost, nothing sent twice, the newest wins) are tested without a browser.
 */
import type { Incident } from '../api/types'
import { changes, emptyFields, fromServer, isDirty, merge, type Field, type Fields, type Wire } from './form'

export type SaveState = 'empty' | 'saved' | 'dirty' | 'saving' | 'failed' | 'refused'
export interface Remote {
  /** Idempotent by the call: a second try of a POST whose answer was lost finds the same report. */
  create(callId: string, fields: Wire): Promise<Incident>
  update(id: string, version: number, fields: Wire): Promise<Incident>
  fetch(id: string): Promise<Incident>
}
/** The last second of typing, kept in the browser tab so that a reload loses nothing. */
export interface Keep {
  read(callId: string): { base: Fields; mine: Fields } | null
  write(callId: string, kept: { base: Fields; mine: Fields }): void
  drop(callId: string): void
}
export interface Failure { status: number; detail: string }

const DEBOUNCE_MS = 400
const RETRY_MS = [1000, 2000, 4000, 8000]

export class Draft {
  incident: Incident | null = null
  fields: Fields = emptyFields()
  state: SaveState = 'empty'
  savedAt: number | null = null
  clashes: Field[] = []
  refusal = ''
  private base: Fields = emptyFields()
  private timer: ReturnType<typeof setTimeout> | null = null
  private running: Promise<void> | null = null
  private failures = 0

  constructor(
    readonly callId: string,
    private readonly remote: Remote,
    private readonly keep: Keep,
    private readonly clock: () => number,
    private readonly changed: () => void = () => {},
  ) {
    const kept = keep.read(callId)
    if (kept) {
      // a page that was loaded before an update may have kept fewer fields
      this.base = { ...emptyFields(), ...kept.base }
      this.fields = { ...emptyFields(), ...kept.mine }
      if (isDirty(this.base, this.fields)) this.later(0)
    }
  }

  get dirty(): boolean { return isDirty(this.base, this.fields) }

  /** The server's report of this call, after a reload or another's change; ours survives where we wrote. */
  adopt(incident: Incident): void {
    if (this.incident && this.incident.version >= incident.version) return
    const theirs = fromServer(incident)
    const merged = merge(this.base, this.fields, theirs)
    this.incident = incident
    this.base = theirs
    this.fields = merged.fields
    this.clashes = merged.clashes
    this.savedAt ??= Date.parse(incident.updated_at) || null
    this.settle()
  }

  set(name: Field, value: string): void {
    if (this.fields[name] === value) return
    this.fields = { ...this.fields, [name]: value }
    this.keep.write(this.callId, { base: this.base, mine: this.fields })
    if (this.state !== 'saving') this.state = 'dirty'
    this.later(DEBOUNCE_MS)
    this.changed()
  }

  /** Everything typed is at the server when this resolves, or `state` says why not. */
  async flush(): Promise<void> {
    this.cancel()
    while (this.running) await this.running
    if (!this.dirty) {
      // typed and taken back before it was sent: nothing is owed, and the page must not say that something is
      if (['dirty', 'failed', 'refused'].includes(this.state)) this.settle()
      return
    }
    this.running = this.save()
    try { await this.running } finally { this.running = null }
    if (this.dirty && this.state === 'dirty') this.later(DEBOUNCE_MS)
  }

  /** A report for the call exists after this, even when nothing was typed (for a disposition). */
  async ensure(): Promise<Incident | null> {
    await this.flush()
    if (!this.incident) {
      this.running = this.send(() => this.remote.create(this.callId, {}), this.fields, true)
      try { await this.running } finally { this.running = null }
    }
    return this.incident
  }

  cancel(): void {
    if (this.timer !== null) clearTimeout(this.timer)
    this.timer = null
  }

  private later(ms: number): void {
    // Typing on does not put the save off: the first keystroke starts the clock, so it never waits longer.
    if (this.timer !== null) return
    this.timer = setTimeout(() => { this.timer = null; void this.flush() }, ms)
  }

  private save(): Promise<void> {
    const sent = this.fields
    const body = changes(this.base, sent)
    const incident = this.incident
    return this.send(
      () => (incident ? this.remote.update(incident.id, incident.version, body) : this.remote.create(this.callId, body)),
      sent,
      incident === null,
    )
  }

  private async send(run: () => Promise<Incident>, sent: Fields, creating: boolean): Promise<void> {
    this.state = 'saving'
    this.changed()
    try {
      const answer = await run()
      this.accept(answer, sent, creating)
    } catch (error) {
      await this.fail(error as Failure)
    }
    this.changed()
  }

  private accept(answer: Incident, sent: Fields, creating: boolean): void {
    const theirs = fromServer(answer)
    // What was typed while the request was under way is the difference between `sent` and now. But the answer
    // to a POST may be that of an earlier try whose answer was lost, with less in it than was sent this time:
    // there everything typed since the last known truth is ours to keep.
    const merged = merge(creating ? this.base : sent, this.fields, theirs)
    this.incident = answer
    this.base = theirs
    this.fields = merged.fields
    this.failures = 0
    this.refusal = ''
    this.savedAt = this.clock()
    this.settle()
  }

  private settle(): void {
    if (this.dirty) {
      this.state = 'dirty'
      this.keep.write(this.callId, { base: this.base, mine: this.fields })
      this.later(DEBOUNCE_MS)
    } else {
      this.state = this.incident ? 'saved' : 'empty'
      this.keep.drop(this.callId)
    }
    this.changed()
  }

  private async fail(error: Failure): Promise<void> {
    if (error.status === 412 && this.incident) {
      try {
        this.adopt(await this.remote.fetch(this.incident.id))
        this.state = this.dirty ? 'dirty' : 'saved'
        return
      } catch { /* the server went away in between: try again below */ }
    }
    if (error.status >= 400 && error.status < 500 && ![401, 408, 412, 429].includes(error.status)) {
      // Sending the same again would be refused again; the next keystroke tries anew.
      this.state = 'refused'
      this.refusal = error.detail
      return
    }
    this.state = 'failed'
    const wait = RETRY_MS[Math.min(this.failures, RETRY_MS.length - 1)] ?? 8000
    this.failures += 1
    this.later(wait)
  }
}
