import { Problem } from '../api/client'
import { t, type Key } from '../i18n'
import { id } from '../i18n/id'

/** Why something did not work, in the reader's words. */
export function why(error: unknown): string {
  if (!(error instanceof Problem)) return String(error)
  const key = `error.${error.key}`
  if (key in id) return t(key as Key)
  if (error.status === 403) return t('error.forbidden')
  return error.detail || t('error.generic', { key: error.key })
}
