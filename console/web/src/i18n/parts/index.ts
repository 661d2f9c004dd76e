/** The features' words put together. A feature's keys begin with its own name. */
import * as phone from './phone'
import * as talk from './talk'
import * as recording from './recording'
import * as place from './place'
import * as report from './report'
import * as board from './board'
import * as supervision from './supervision'
import * as training from './training'
import * as shell from './shell'
import * as status from './status'
import * as help from './help'

export const parts = {
  id: { ...phone.id, ...talk.id, ...recording.id, ...place.id, ...report.id, ...board.id, ...supervision.id, ...training.id, ...shell.id, ...status.id, ...help.id },
  en: { ...phone.en, ...talk.en, ...recording.en, ...place.en, ...report.en, ...board.en, ...supervision.en, ...training.en, ...shell.en, ...status.en, ...help.en },
}
