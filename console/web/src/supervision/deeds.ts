/** A supervisor's wishes: what may be done to whom, and why it was refused, in words. */
import { Problem, post } from '../api/client'
import { language, t } from '../i18n'
import { id as words } from '../i18n/parts/supervision'
import { why } from '../lib/errors'
import { refresh, say } from '../live/store'

/** A refusal in the reader's words: ours for the key, else what the server says in the reader's language. */
export function refusal(error: unknown): string {
  if (!(error instanceof Problem)) return String(error)
  const key = `supervision.no.${error.key}`
  if (key in words) return t(key as keyof typeof words)
  const said = why(error)
  const [indonesian, english] = said.split(' / ')
  return said === error.detail && indonesian && english ? (language.value === 'id' ? indonesian : english) : said
}
/** Ask for one thing; true when it was granted. A refusal is told. */
export async function wish(path: string, body: object, done: string): Promise<boolean> {
  try {
    await post(path, body)
    say(done)
    void refresh()
    return true
  } catch (error) {
    say(t('supervision.refused', { why: refusal(error) }), 'red')
    return false
  }
}
