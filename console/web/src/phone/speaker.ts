/** What the telephone lets be heard: the caller, the ring, and the browser's notice when nobody looks at the tab. */
import { t } from '../i18n'
import { Ring } from './ring'
import type { Settings } from './settings'

type Sinkable = HTMLAudioElement & { setSinkId?: (id: string) => Promise<void> }

export class Speaker {
  readonly bell = new Ring()
  private voice: Sinkable | null = null
  private notice: Notification | null = null

  constructor(private readonly settings: () => Settings) {}

  /** At a click: a browser lets nothing sound that nobody asked for. */
  prepare(): void { this.bell.prepare(this.settings().ring) }

  /** The devices may have been chosen anew. */
  apply(): void {
    void this.voice?.setSinkId?.(this.settings().output).catch(() => {})
    if (this.bell.sounding || this.bell.allowed) this.bell.prepare(this.settings().ring)
  }

  play(stream: MediaStream): void {
    this.voice ??= new Audio() as Sinkable
    this.voice.autoplay = true
    this.voice.srcObject = stream
    void this.voice.setSinkId?.(this.settings().output).catch(() => {})
    void this.voice.play().catch(() => {})
  }
  hush(): void { if (this.voice) this.voice.srcObject = null }

  ring(): void {
    this.bell.start(this.settings().volume)
    if (document.hidden && typeof Notification !== 'undefined' && Notification.permission === 'granted') {
      // no name, no number: notices stay on lock screens and in histories
      this.notice = new Notification(t('phone.notice'), { tag: 'psap-call', requireInteraction: true, silent: true })
      this.notice.onclick = () => { window.focus(); this.notice?.close() }
    }
  }
  /** One short stroke before a call that is taken by itself. */
  beep(): void { this.bell.start(this.settings().volume * 0.6, true) }
  quiet(): void {
    if (this.bell.sounding) this.bell.stop()
    this.notice?.close()
    this.notice = null
  }
}
