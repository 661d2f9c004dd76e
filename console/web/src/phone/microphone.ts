/** The microphone and the other sound devices: asking for them, and saying in a word what is wrong. */

/** A word of `phone.mic.*`. */
export type MicTrouble = 'insecure' | 'denied' | 'missing' | 'busy' | 'failed'

export class NoMicrophone extends Error {
  constructor(readonly trouble: MicTrouble) { super(trouble) }
}
/** Whether this page may speak at all: a browser gives no microphone to a page that came without TLS. */
export const canSpeak = (): boolean => typeof navigator !== 'undefined' && !!navigator.mediaDevices?.getUserMedia && typeof RTCPeerConnection !== 'undefined'

export function troubleOf(error: unknown): MicTrouble {
  switch ((error as { name?: string } | null)?.name) {
    case 'NotAllowedError': case 'SecurityError': return 'denied'
    case 'NotFoundError': case 'OverconstrainedError': return 'missing'
    case 'NotReadableError': case 'AbortError': return 'busy'
    default: return 'failed'
  }
}

/** The chosen microphone; where that one is not plugged in, the system's own.
 *  @throws NoMicrophone */
export async function openMicrophone(device: string): Promise<MediaStream> {
  if (!canSpeak()) throw new NoMicrophone('insecure')
  const usual: MediaTrackConstraints = { echoCancellation: true, noiseSuppression: true, autoGainControl: true, channelCount: 1 }
  const ask = (audio: MediaTrackConstraints): Promise<MediaStream> => navigator.mediaDevices.getUserMedia({ audio })
  try {
    if (device) {
      try { return await ask({ ...usual, deviceId: { exact: device } }) } catch (error) { if (troubleOf(error) !== 'missing') throw error }
    }
    return await ask(usual)
  } catch (error) {
    throw new NoMicrophone(troubleOf(error))
  }
}
export interface Devices { inputs: MediaDeviceInfo[]; outputs: MediaDeviceInfo[] }
export async function devices(): Promise<Devices> {
  try {
    const all = (await navigator.mediaDevices.enumerateDevices()).filter((one) => one.deviceId !== '')
    return { inputs: all.filter((one) => one.kind === 'audioinput'), outputs: all.filter((one) => one.kind === 'audiooutput') }
  } catch {
    return { inputs: [], outputs: [] }
  }
}
/** Where there is a choice of loudspeakers at all (not in every browser). */
export const canChooseOutput = (): boolean => typeof HTMLMediaElement !== 'undefined' && 'setSinkId' in HTMLMediaElement.prototype
