/** The ring: made of sound itself, so that it needs no file, and no timer that a hidden tab would slow down. */
const RATE = 22050
const SECONDS = 3

/** One period: two short strokes of two tones, then a pause. Samples from -1 to 1. */
export function period(): Float32Array<ArrayBuffer> {
  const samples = new Float32Array(RATE * SECONDS)
  for (const [start, low, high] of [[0, 659, 880], [0.45, 659, 988]] as const) {
    const first = Math.round(start * RATE)
    const length = Math.round(0.4 * RATE)
    for (let at = 0; at < length; at += 1) {
      const time = at / RATE
      const envelope = Math.min(1, time / 0.015) * Math.exp(-4 * time) * Math.min(1, (length - at) / (0.02 * RATE))
      samples[first + at] = 0.5 * envelope * (Math.sin(2 * Math.PI * low * time) + Math.sin(2 * Math.PI * high * time))
    }
  }
  return samples
}

type Sinkable = AudioContext & { setSinkId?: (id: string) => Promise<void> }

export class Ring {
  private context: Sinkable | null = null
  private source: AudioBufferSourceNode | null = null

  /** Made at a click (going ready), so that the browser lets it sound later. */
  prepare(device: string): void {
    this.context ??= new AudioContext() as Sinkable
    if (this.context.state === 'suspended') void this.context.resume().catch(() => {})
    void this.context.setSinkId?.(device).catch(() => {})
  }

  /** Whether it would be heard now. */
  get allowed(): boolean { return this.context?.state === 'running' }
  get sounding(): boolean { return this.source !== null }

  start(volume: number, once = false): void {
    this.stop()
    if (!this.context) this.prepare('')
    const context = this.context
    if (!context) return
    void context.resume().catch(() => {})
    const buffer = context.createBuffer(1, RATE * SECONDS, RATE)
    buffer.copyToChannel(period(), 0)
    const gain = context.createGain()
    gain.gain.value = volume
    const source = context.createBufferSource()
    source.buffer = buffer
    source.loop = !once
    source.connect(gain).connect(context.destination)
    source.onended = () => { if (this.source === source) this.source = null }
    source.start(0, 0, ...(once ? [1] : []))
    this.source = source
  }

  stop(): void {
    try { this.source?.stop() } catch { /* it never began */ }
    this.source = null
  }
}
