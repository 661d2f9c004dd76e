/** Words of one feature: Indonesian first, and English beside it under the same keys; the compiler finds what is missing. */
export const id = {
  'status.title': 'Keadaan', 'status.well': 'Semua berjalan', 'status.unwell': '{n} bagian terganggu', 'status.at': 'per {time}', 'status.runbook': 'Buku petunjuk', 'status.silent': 'Server tidak menjawab: keadaan di bawah ini dari saat sebelumnya. Panggilan tetap masuk ke telepon meja.',
  'status.trouble': 'Yang terganggu', 'status.state.down': 'Mati', 'status.state.degraded': 'Terganggu', 'status.since': 'sejak {time}', 'status.said': 'Yang terjadi', 'status.means': 'Bagi penelepon dan petugas', 'status.do': 'Yang dilakukan', 'status.section': 'Bagian ini di buku petunjuk',
  'status.hours': '12 jam terakhir', 'status.hour': 'Jam', 'status.hour.calls': 'Masuk', 'status.hour.answered': 'Dijawab', 'status.hour.lost': 'Menyerah di antrean', 'status.hour.wait': 'Rata-rata menunggu', 'status.hours.unknown': 'Basis data tidak menjawab: jam-jam terakhir tidak diketahui sekarang.',
  'status.figures': 'Yang perlu dijaga', 'status.unknown': 'tidak diketahui', 'status.disk.of': '{free} ({share} %)', 'status.minutes.ago': '{n} menit lalu', 'status.hours.ago': '{n} jam lalu', 'status.days.ago': '{n} hari lalu', 'status.days': '{n} hari lagi',
  'status.figure.wait': 'Menunggu paling lama', 'status.figure.unsaved': 'Catatan belum tersimpan', 'status.figure.spool': 'Menunggu basis data', 'status.figure.rejected': 'Tidak dapat disimpan', 'status.figure.disk': 'Ruang disk tersisa', 'status.figure.backup': 'Cadangan terbaru',
  'status.figure.certificate': 'Sertifikat berlaku', 'status.figure.lag': 'Kejadian sampai ke layar', 'status.figure.clients': 'Layar terhubung', 'status.figure.events': 'Kejadian belum diolah',
  'status.running': 'Yang berjalan', 'status.part': 'Bagian', 'status.started': 'Berjalan sejak', 'status.if': 'Bila mati',
  'part.ami_bridge': 'penghubung telepon', 'part.console': 'halaman meja',
} as const
export const en: Record<keyof typeof id, string> = {
  'status.title': 'State', 'status.well': 'Everything runs', 'status.unwell': '{n} parts are unwell', 'status.at': 'at {time}', 'status.runbook': 'Runbook', 'status.silent': 'The server does not answer: what is below is of an earlier moment. Calls still reach the desk phones.',
  'status.trouble': 'What is unwell', 'status.state.down': 'Down', 'status.state.degraded': 'Degraded', 'status.since': 'since {time}', 'status.said': 'What happens', 'status.means': 'For callers and call takers', 'status.do': 'What to do', 'status.section': 'This part in the runbook',
  'status.hours': 'The last 12 hours', 'status.hour': 'Hour', 'status.hour.calls': 'Came in', 'status.hour.answered': 'Answered', 'status.hour.lost': 'Gave up in the queue', 'status.hour.wait': 'Mean wait', 'status.hours.unknown': 'The database does not answer: the last hours are not known now.',
  'status.figures': 'What to keep an eye on', 'status.unknown': 'not known', 'status.disk.of': '{free} ({share} %)', 'status.minutes.ago': '{n} min ago', 'status.hours.ago': '{n} h ago', 'status.days.ago': '{n} days ago', 'status.days': '{n} more days',
  'status.figure.wait': 'Longest wait', 'status.figure.unsaved': 'Records not stored yet', 'status.figure.spool': 'Waits for the database', 'status.figure.rejected': 'Could not be stored', 'status.figure.disk': 'Disk space left', 'status.figure.backup': 'Newest backup',
  'status.figure.certificate': 'Certificate is valid', 'status.figure.lag': 'Event to screen', 'status.figure.clients': 'Screens connected', 'status.figure.events': 'Events not handled yet',
  'status.running': 'What runs', 'status.part': 'Part', 'status.started': 'Running since', 'status.if': 'When it is down',
  'part.ami_bridge': 'telephone bridge', 'part.console': 'desk page',
}
