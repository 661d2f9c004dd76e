/** Words of one feature: Indonesian first, and English beside it under the same keys; the compiler finds what is missing. */
export const id = {
  'nav.help': 'Bantuan',
  'keys.group.phone': 'Telepon', 'keys.group.report': 'Laporan', 'keys.group.class': 'Jenis panggilan', 'keys.group.page': 'Halaman',
  'keys.phone.answer': 'Angkat panggilan', 'keys.phone.mute': 'Bisukan mikrofon', 'keys.phone.hold': 'Tahan penelepon', 'keys.phone.transfer': 'Alihkan', 'keys.phone.end': 'Akhiri panggilan',
  'keys.merge': 'Gabungkan dengan kejadian yang sama', 'keys.desk': 'Kembali ke meja', 'keys.single': 'Tombol tunggal (angka kategori, ?) aktif di luar kolom ketik',
} as const
export const en: Record<keyof typeof id, string> = {
  'nav.help': 'Help',
  'keys.group.phone': 'Telephone', 'keys.group.report': 'Report', 'keys.group.class': 'Kind of call', 'keys.group.page': 'Page',
  'keys.phone.answer': 'Answer the call', 'keys.phone.mute': 'Mute the microphone', 'keys.phone.hold': 'Hold the caller', 'keys.phone.transfer': 'Transfer', 'keys.phone.end': 'End the call',
  'keys.merge': 'Link to the same incident', 'keys.desk': 'Back to the desk', 'keys.single': 'Single keys (category figures, ?) work outside text fields',
}
