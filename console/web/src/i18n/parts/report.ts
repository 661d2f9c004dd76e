/** Words of the report: Indonesian first, and English beside it under the same keys; the compiler finds what is missing. */
export const id = {
  'f.people': 'Orang', 'f.people.ph': 'berapa', 'f.position': 'Pin di peta', 'f.answers': 'Jawaban panduan',
  'guide.title': 'Pertanyaan panduan', 'guide.choose': 'Pertanyaan panduan tampil di sini setelah kategori dipilih.', 'guide.none': 'Tidak ada pertanyaan khusus untuk kategori ini.', 'guide.yes': 'Ya', 'guide.no': 'Tidak', 'guide.unknown': 'Tidak tahu',
  'similar.title': 'Mungkin kejadian yang sama', 'similar.more': '1/{n}', 'similar.why': 'Karena {why}.', 'similar.join': 'Gabungkan', 'similar.different': 'Berbeda', 'similar.none': 'Laporan lain tentang kejadian yang sama ditawarkan di sini.', 'similar.linked': 'Tergabung dengan {number}', 'similar.undo': 'Pisahkan lagi', 'similar.failed': 'Belum tersimpan: {why}',
  'closing.title': 'Menutup laporan {number}', 'closing.told': 'Apakah pelapor sudah diberi tahu?', 'closing.yes': 'Sudah', 'closing.no': 'Tidak', 'closing.unreachable': 'Tidak terhubung', 'closing.what': 'Apa yang disampaikan', 'closing.what.no': 'Mengapa tidak', 'closing.at': 'Pukul', 'closing.at.wrong': 'Tulis jamnya seperti 21.09.', 'closing.finished': 'Kejadian sudah selesai ditangani: tutup juga kejadiannya',
  'closing.usual': '{agencies} sudah diberi tahu dan menuju lokasi.', 'closing.tried': 'Pelapor tidak dapat dihubungi lagi.', 'closing.choose': 'Pilih dahulu: sudah, tidak, atau tidak terhubung.', 'closing.why': 'Tuliskan alasannya dalam satu kalimat.', 'closing.save': 'Simpan dan tutup', 'closing.failed': 'Belum tersimpan: {why}',
  'keys.different': 'Bukan kejadian yang sama', 'keys.location': 'Minta lokasi pelapor', 'keys.map': 'Ke peta: panah menggeser pin',
} as const
export const en: Record<keyof typeof id, string> = {
  'f.people': 'People', 'f.people.ph': 'how many', 'f.position': 'Pin on the map', 'f.answers': 'Guide answers',
  'guide.title': 'Guide questions', 'guide.choose': 'Guide questions show here once a category is chosen.', 'guide.none': 'No special questions for this category.', 'guide.yes': 'Yes', 'guide.no': 'No', 'guide.unknown': 'Not known',
  'similar.title': 'Perhaps the same incident', 'similar.more': '1/{n}', 'similar.why': 'Because: {why}.', 'similar.join': 'Join', 'similar.different': 'Different', 'similar.none': 'Other reports of the same incident are offered here.', 'similar.linked': 'Joined with {number}', 'similar.undo': 'Separate again', 'similar.failed': 'Not saved: {why}',
  'closing.title': 'Closing report {number}', 'closing.told': 'Has the caller been told?', 'closing.yes': 'Yes', 'closing.no': 'No', 'closing.unreachable': 'Not reachable', 'closing.what': 'What was said', 'closing.what.no': 'Why not', 'closing.at': 'At', 'closing.at.wrong': 'Write the time like 21.09.', 'closing.finished': 'The incident is dealt with: close the incident, too',
  'closing.usual': '{agencies} have been told and are on their way.', 'closing.tried': 'The caller could not be reached again.', 'closing.choose': 'Choose first: yes, no, or not reachable.', 'closing.why': 'Write the reason in one sentence.', 'closing.save': 'Save and close', 'closing.failed': 'Not saved: {why}',
  'keys.different': 'Not the same incident', 'keys.location': "Ask for the caller's location", 'keys.map': 'To the map: arrows move the pin',
}
