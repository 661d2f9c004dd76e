/** Words of one feature: Indonesian first, and English beside it under the same keys; the compiler finds what is missing. */
export const id = {
  'board.title': 'Papan', 'board.waiting': 'Menunggu', 'board.longest': 'Menunggu paling lama', 'board.ready': 'Petugas siap', 'board.of': 'dari {n}', 'board.unit': 'dtk',
  'board.nobody': 'Tidak ada yang menunggu', 'board.unknown': 'Tidak diketahui sekarang', 'board.calm': 'Dalam 10 detik', 'board.shift': 'Gilir {name} · {start}–{end}',
  'board.steps': 'Dijawab hari ini', 'board.within': '≤ {n} dtk', 'board.aim': 'target {n} %', 'board.aim.met': '✓ target {n} % tercapai', 'board.aim.missed': '▼ di bawah target {n} %', 'board.mean': 'Rata-rata menunggu {time} · paling lama {longest}',
  'board.today': 'Hari ini', 'board.calls': 'Masuk', 'board.answered': 'Dijawab', 'board.lost.queue': 'Terputus di antrean', 'board.lost.gate': 'Terputus di sambutan',
  'board.rest.never_passed': 'Diam di sambutan', 'board.rest.overflowed': 'Dialihkan', 'board.rest.turned_away': 'Ditolak gerbang', 'board.rest.refused': 'Tidak tertampung', 'board.rest.failed': 'Gangguan',
  'board.kinds': 'Yang dijawab', 'board.kind.emergency': 'Darurat', 'board.kind.information': 'Informasi', 'board.kind.prank': 'Iseng', 'board.kind.silent': 'Hening', 'board.kind.other': 'Lainnya', 'board.kind.unsaid': 'Belum ditandai',
  'board.people': 'Petugas', 'board.took': '{n} dijawab', 'board.more': '+ {n} lagi', 'board.data': 'Data {time}', 'board.none': 'Belum ada data', 'board.live': 'langsung', 'board.polling': 'tiap beberapa detik',
  'board.away': 'Server tidak menjawab. Panggilan tetap masuk; angka dari {time}.', 'board.bridge': 'Penghubung telepon tidak menjawab: antrean dan petugas tidak diketahui. Panggilan tetap masuk.',
  'board.database': 'Basis data tidak menjawab: angka hari ini dari {time}. Antrean tetap langsung.', 'board.old': 'Data terlambat diperbarui.', 'board.full': 'Layar penuh', 'board.desk': 'Ke meja',
} as const
export const en: Record<keyof typeof id, string> = {
  'board.title': 'Board', 'board.waiting': 'Waiting', 'board.longest': 'Longest wait', 'board.ready': 'Call takers ready', 'board.of': 'of {n}', 'board.unit': 's',
  'board.nobody': 'Nobody waits', 'board.unknown': 'Not known now', 'board.calm': 'Within 10 seconds', 'board.shift': '{name} shift · {start}–{end}',
  'board.steps': 'Answered today', 'board.within': '≤ {n} s', 'board.aim': 'aim {n} %', 'board.aim.met': '✓ aim of {n} % met', 'board.aim.missed': '▼ below the aim of {n} %', 'board.mean': 'Mean wait {time} · longest {longest}',
  'board.today': 'Today', 'board.calls': 'Calls', 'board.answered': 'Answered', 'board.lost.queue': 'Lost in the queue', 'board.lost.gate': 'Lost in the greeting',
  'board.rest.never_passed': 'Silent at the greeting', 'board.rest.overflowed': 'Overflowed', 'board.rest.turned_away': 'Turned away', 'board.rest.refused': 'No room', 'board.rest.failed': 'Failed',
  'board.kinds': 'What was answered', 'board.kind.emergency': 'Emergency', 'board.kind.information': 'Information', 'board.kind.prank': 'Prank', 'board.kind.silent': 'Silent', 'board.kind.other': 'Other', 'board.kind.unsaid': 'Not marked yet',
  'board.people': 'Call takers', 'board.took': '{n} answered', 'board.more': '+ {n} more', 'board.data': 'Data {time}', 'board.none': 'No data yet', 'board.live': 'live', 'board.polling': 'every few seconds',
  'board.away': 'The server does not answer. Calls still come in; figures of {time}.', 'board.bridge': 'The telephone bridge does not answer: queue and call takers are unknown. Calls still come in.',
  'board.database': 'The database does not answer: today\'s figures are of {time}. The queue is live.', 'board.old': 'The data is late.', 'board.full': 'Full screen', 'board.desk': 'To the desk',
}
