/** The only place that speaks HTTP. Errors become Problem; a lost network becomes Problem with status 0. */
import { noteServerTime } from '../lib/clock'

export class Problem extends Error {
  constructor(readonly status: number, readonly key: string, readonly detail: string) {
    super(detail || key)
  }
  /** Nothing answered: worth another try without changing anything. */
  get away(): boolean { return this.status === 0 || this.status >= 500 }
}

export interface Options { body?: unknown; headers?: Record<string, string>; timeoutMs?: number }

let onExpired: () => void = () => {}
/** What to do when the server says that the session is over. */
export function whenExpired(run: () => void): void { onExpired = run }

export async function request<T>(method: string, path: string, options: Options = {}): Promise<T> {
  let response: Response
  try {
    response = await fetch(`/api/v1${path}`, {
      method,
      credentials: 'same-origin',
      cache: 'no-store',
      headers: { ...(options.body === undefined ? {} : { 'Content-Type': 'application/json' }), ...options.headers },
      body: options.body === undefined ? undefined : JSON.stringify(options.body),
      // A server that hangs must not leave "saving" on the screen for ever.
      signal: AbortSignal.timeout(options.timeoutMs ?? 5000),
    })
  } catch {
    throw new Problem(0, 'unreachable', '')
  }
  noteServerTime(response.headers.get('Date'))
  if (response.status === 204) return undefined as T
  const text = await response.text()
  let parsed: unknown
  try { parsed = text ? JSON.parse(text) : undefined } catch { parsed = undefined }
  if (response.ok) return parsed as T
  const problem = (parsed ?? {}) as { key?: string; detail?: string; title?: string }
  if (response.status === 401 && path !== '/session') onExpired()
  throw new Problem(response.status, problem.key ?? 'error', problem.detail ?? problem.title ?? '')
}

export const get = <T>(path: string): Promise<T> => request<T>('GET', path)
export const post = <T>(path: string, body: unknown = {}, headers?: Record<string, string>): Promise<T> =>
  request<T>('POST', path, { body, headers })
export const patch = <T>(path: string, body: unknown, headers?: Record<string, string>): Promise<T> =>
  request<T>('PATCH', path, { body, headers })
export const del = <T>(path: string): Promise<T> => request<T>('DELETE', path)
