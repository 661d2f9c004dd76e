/** How loud something is, at most fifteen times a second, and nothing while nobody looks. */
const EVERY_MS = 70
const FLOOR_DB = -60

/** Loudness of samples (-1 to 1) as 0 to 1: silence to full, by decibels as an ear hears it. */
export function loudness(samples: Float32Array): number {
  let sum = 0
  for (const one of samples) sum += one * one
  const rms = Math.sqrt(sum / Math.max(1, samples.length))
  if (rms <= 0) return 0
  return Math.min(1, Math.max(0, 1 - (20 * Math.log10(rms)) / FLOOR_DB))
}

let context: AudioContext | null = null
let users = 0
/** The page's one listening context; asleep until somebody touched the page, where the browser wants that, and while nobody listens. */
export function listening(): AudioContext {
  context ??= new AudioContext({ latencyHint: 'playback' })
  if (context.state === 'suspended') void context.resume().catch(() => {})
  return context
}

/** Tell `show` the level of a stream until the returned function is called. */
export function measure(stream: MediaStream, show: (level: number) => void): () => void {
  const audio = listening()
  users += 1
  const source = audio.createMediaStreamSource(stream)
  const analyser = audio.createAnalyser()
  analyser.fftSize = 1024
  source.connect(analyser)
  const samples = new Float32Array(analyser.fftSize)
  let shown = 0
  const timer = setInterval(() => {
    if (document.hidden) return
    analyser.getFloatTimeDomainData(samples)
    // up at once, down slowly: a needle that can be read
    shown = Math.max(loudness(samples), shown * 0.8)
    show(shown < 0.01 ? 0 : shown)
  }, EVERY_MS)
  return () => {
    clearInterval(timer)
    source.disconnect()
    show(0)
    users -= 1
    if (users === 0) void audio.suspend().catch(() => {})
  }
}

/** Whether a microphone lives: `alive` after some sound that moves, not a constant hum nor digital silence. */
export class Movement {
  private lowest = 1
  private highest = 0
  private seen = 0
  add(level: number): void {
    this.seen += 1
    this.lowest = Math.min(this.lowest, level)
    this.highest = Math.max(this.highest, level)
  }
  get alive(): boolean { return this.seen >= 4 && this.highest >= 0.25 && this.highest - this.lowest >= 0.1 }
  /** Nothing at all came: muted at the device, or not the device one speaks into. */
  get dead(): boolean { return this.seen >= 4 && this.highest === 0 }
}
