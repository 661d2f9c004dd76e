/** Words of one feature: Indonesian first, and English beside it under the same keys; the compiler finds what is missing. */
export const id = {
  'help.about': 'Apa itu {what}?', 'help.title': 'Cara kerja meja 112', 'help.lead': 'Satu halaman untuk satu gilir: siapa menunggu, apa yang dilaporkan, siapa yang menelepon.',
} as const
export const en: Record<keyof typeof id, string> = {
  'help.about': 'What is {what}?', 'help.title': 'How the 112 desk works', 'help.lead': 'One page for one shift: who waits, what is reported, who is calling.',
}
