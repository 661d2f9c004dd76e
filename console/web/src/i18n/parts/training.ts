/** Words of one feature: Indonesian first, and English beside it under the same keys; the compiler finds what is missing. */
export const id = {
  'training.title': 'Latihan', 'training.safe': 'Tanpa warga, tanpa antrean', 'training.again': 'Latihan lagi', 'training.choose': 'Pilih penelepon latihan', 'training.any': 'Penelepon acak',
  'training.lead': 'Telepon Anda berdering, seorang penelepon tiruan berbicara bahasa Indonesia. Sapa, dengarkan, dan catat laporannya seperti biasa. Sesudahnya Anda melihat nilai beserta alasannya. Keluar dari antrean atau jeda dahulu.',
  'training.speaks': 'Berbicara', 'training.speaks.teach': 'Panik, tetapi menjawab pertanyaan satu per satu.', 'training.whispers': 'Berbisik', 'training.whispers.teach': 'Tidak bisa bersuara keras. Dengarkan baik-baik.',
  'training.silent': 'Diam', 'training.silent.teach': 'Tidak ada suara. Bahaya atau saluran hening?', 'training.teases': 'Iseng', 'training.teases.teach': 'Menggoda petugas. Kenali dan akhiri dengan tenang.',
  'training.failed': 'Latihan tidak dapat dimulai: {why}', 'training.before': 'Latihan sebelumnya', 'training.none': 'Belum ada latihan', 'training.none.teach': 'Nilai setiap latihan akan tercatat di sini.',
  'training.when': 'Waktu', 'training.who': 'Petugas', 'training.what': 'Penelepon', 'training.points': 'Nilai', 'training.of100': 'dari 100',
  'training.caller': 'Penelepon latihan', 'training.stage.waiting': 'Menyiapkan', 'training.stage.ringing': 'Berdering', 'training.stage.talking': 'Tersambung', 'training.stage.ended': 'Selesai',
  'training.tip': 'Penelepon menunggu Anda berbicara, lalu diam, sebelum melanjutkan.', 'training.desk': 'Angkat telepon meja Anda. Penelepon menunggu Anda berbicara sebelum melanjutkan.', 'training.end': 'Akhiri dan nilai',
  'training.place': '1 Di mana?', 'training.category': '2 Apa?', 'training.description': '3 Apa yang terjadi?', 'training.people': '4 Berapa orang', 'training.injured': 'Korban', 'training.danger': 'Bahaya', 'training.name': '5 Nama', 'training.back': 'Nomor balik', 'training.word': 'Panggilan ini',
  'training.said': 'Yang dikatakan penelepon', 'training.still': 'Panggilan ini belum diklasifikasi:',
} as const
export const en: Record<keyof typeof id, string> = {
  'training.title': 'Training', 'training.safe': 'No citizen, no queue', 'training.again': 'Practise again', 'training.choose': 'Choose a simulated caller', 'training.any': 'Any caller',
  'training.lead': 'Your telephone rings and a simulated caller speaks Indonesian. Greet, listen, and take the report as always. Afterwards you see what it was worth, and why. Leave the queue or pause first.',
  'training.speaks': 'Speaks', 'training.speaks.teach': 'In panic, but answers question by question.', 'training.whispers': 'Whispers', 'training.whispers.teach': 'Cannot speak up. Listen well.',
  'training.silent': 'Says nothing', 'training.silent.teach': 'No sound. Danger, or an empty line?', 'training.teases': 'Teases', 'training.teases.teach': 'Plays with you. Notice it and end it calmly.',
  'training.failed': 'The exercise cannot begin: {why}', 'training.before': 'Earlier exercises', 'training.none': 'No exercises yet', 'training.none.teach': 'What each exercise was worth will stand here.',
  'training.when': 'Time', 'training.who': 'Call taker', 'training.what': 'Caller', 'training.points': 'Points', 'training.of100': 'of 100',
  'training.caller': 'Simulated caller', 'training.stage.waiting': 'Preparing', 'training.stage.ringing': 'Ringing', 'training.stage.talking': 'Connected', 'training.stage.ended': 'Over',
  'training.tip': 'The caller waits until you have spoken and are silent, then goes on.', 'training.desk': 'Lift your desk phone. The caller waits until you have spoken, then goes on.', 'training.end': 'End and see the score',
  'training.place': '1 Where?', 'training.category': '2 What?', 'training.description': '3 What happened?', 'training.people': '4 How many', 'training.injured': 'Hurt', 'training.danger': 'Danger', 'training.name': '5 Name', 'training.back': 'Number back', 'training.word': 'This call is',
  'training.said': 'What the caller said', 'training.still': 'This call has no word yet:',
}
