/** What keys and buttons do alike, with a sentence where it cannot be done. */
import { t } from '../i18n'
import { pressed } from '../lib/keys'
import { live, say } from '../live/store'
import { answer, hangUp, hold as holdCall, mute, state } from './store'
import { padOpen, transferring } from './talk'

export function hold(): void {
  if (!holdCall()) say(t('phone.hold.failed'), 'amber')
}

/** The telephone's keys, on every page and in every field. True: it was one, and it did something. */
export function phoneKey(event: KeyboardEvent): boolean {
  const { talk } = state.value
  const open = talk === 'talking' || talk === 'answering'
  if (pressed(event, 'phone.answer') && talk === 'ringing') answer()
  else if (pressed(event, 'phone.mute') && open) mute()
  else if (pressed(event, 'phone.hold') && open) hold()
  else if (pressed(event, 'phone.end') && open) hangUp()
  else if (pressed(event, 'phone.pad') && talk === 'talking') padOpen.value = !padOpen.value
  else if (pressed(event, 'phone.transfer') && live.value.call?.phase === 'talking' && !document.querySelector('dialog:modal')) transferring.value = true
  else return false
  return true
}
