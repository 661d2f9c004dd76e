/** Words of talking with more than one: Indonesian first, and English beside it under the same keys; the compiler finds what is missing. */
export const id = {
  'talk.title': 'Alihkan atau ajak bicara', 'talk.how': 'Caranya', 'talk.to': 'Kepada', 'talk.choose': 'Pilih tujuan', 'talk.search': 'Cari nama',
  'talk.way.warm': 'Hangat', 'talk.way.warm.note': 'Anda bicara dulu dengan tujuan, lalu keluar.', 'talk.way.cold': 'Langsung', 'talk.way.cold.note': 'Anda keluar saat itu juga.', 'talk.way.add': 'Bertiga', 'talk.way.add.note': 'Tujuan ikut bicara, Anda tetap.',
  'talk.kind.agent': 'Petugas', 'talk.kind.agency': 'Instansi', 'talk.kind.centre': 'Pusat 112 tetangga', 'talk.kind.queue': 'Antrean',
  'talk.none.agent': 'Tidak ada petugas lain di antrean.', 'talk.none.agency': 'Profil kota belum memuat instansi dengan telepon.', 'talk.none.centre': 'Profil kota belum memuat pusat tetangga.', 'talk.none.queue': 'Antrean tidak ada.',
  'talk.queue': 'Kembali ke antrean, paling depan', 'talk.queue.note': '{n} petugas siap', 'talk.nonumber': 'tanpa nomor telepon', 'talk.someone': 'Peserta',
  'talk.go.warm': 'Hubungi {who}', 'talk.go.cold': 'Alihkan ke {who}', 'talk.go.add': 'Ajak {who}', 'talk.done.warm': '{who} dihubungi; penelepon tetap bersama Anda.', 'talk.done.cold': 'Dialihkan ke {who}.', 'talk.done.add': '{who} diajak bicara.',
  'talk.failed': 'Tidak dialihkan; penelepon tetap bersama Anda: {why}', 'talk.unavailable': 'Pusat ini belum dapat mengalihkan dari layar; penelepon tetap bersama Anda.', 'talk.over': 'Percakapan ini sudah selesai.',
  'talk.error.unknown_target': 'tujuan itu tidak punya telepon.', 'talk.error.target_busy': 'telepon tujuan sedang dipakai.', 'talk.error.target_away': 'telepon tujuan tidak terdaftar.', 'talk.error.already_there': 'sudah ikut dalam percakapan ini.', 'talk.error.last_one': 'penelepon akan sendirian. Akhiri saja panggilannya.', 'talk.error.not_talking': 'percakapan ini sudah selesai.', 'talk.error.not_your_call': 'ini bukan panggilan Anda.', 'talk.error.no_trunk': 'tidak ada jalan keluar (PSAP_TRUNK_PROXY). Beri tahu admin.',
  'talk.listen.listen': '{who} mendengarkan', 'talk.listen.whisper': '{who} berbisik kepada Anda', 'talk.listen.join': '{who} ikut bicara',
  'talk.parties': 'Ikut bicara', 'talk.state.ringing': 'dihubungi', 'talk.state.talking': 'bicara', 'talk.state.gone': 'keluar', 'talk.drop': 'Keluarkan', 'talk.drop.who': 'Keluarkan {who}', 'talk.leave': 'Saya keluar, yang lain lanjut',
} as const
export const en: Record<keyof typeof id, string> = {
  'talk.title': 'Transfer or bring somebody in', 'talk.how': 'How', 'talk.to': 'To', 'talk.choose': 'Choose where to', 'talk.search': 'Search a name',
  'talk.way.warm': 'Warm', 'talk.way.warm.note': 'You speak with them first, then leave.', 'talk.way.cold': 'At once', 'talk.way.cold.note': 'You leave in this moment.', 'talk.way.add': 'Three-way', 'talk.way.add.note': 'They join, you stay.',
  'talk.kind.agent': 'Call takers', 'talk.kind.agency': 'Agencies', 'talk.kind.centre': 'Neighbouring 112', 'talk.kind.queue': 'Queue',
  'talk.none.agent': 'No other call taker is in the queue.', 'talk.none.agency': 'The city’s profile has no agency with a telephone yet.', 'talk.none.centre': 'The city’s profile has no neighbouring centre yet.', 'talk.none.queue': 'There is no queue.',
  'talk.queue': 'Back to the queue, at its head', 'talk.queue.note': '{n} call takers ready', 'talk.nonumber': 'no telephone number', 'talk.someone': 'Participant',
  'talk.go.warm': 'Ring {who}', 'talk.go.cold': 'Transfer to {who}', 'talk.go.add': 'Bring in {who}', 'talk.done.warm': '{who} is being rung; the caller stays with you.', 'talk.done.cold': 'Transferred to {who}.', 'talk.done.add': '{who} is being brought in.',
  'talk.failed': 'Not transferred; the caller stays with you: {why}', 'talk.unavailable': 'This centre cannot transfer from the page yet; the caller stays with you.', 'talk.over': 'This conversation is over already.',
  'talk.error.unknown_target': 'they have no telephone.', 'talk.error.target_busy': 'their telephone is in use.', 'talk.error.target_away': 'their telephone is not registered.', 'talk.error.already_there': 'they are in this conversation already.', 'talk.error.last_one': 'the caller would be alone. End the call instead.', 'talk.error.not_talking': 'this conversation is over already.', 'talk.error.not_your_call': 'this is not your call.', 'talk.error.no_trunk': 'there is no way out (PSAP_TRUNK_PROXY). Tell an admin.',
  'talk.listen.listen': '{who} listens', 'talk.listen.whisper': '{who} whispers to you', 'talk.listen.join': '{who} has joined',
  'talk.parties': 'On the line', 'talk.state.ringing': 'ringing', 'talk.state.talking': 'talking', 'talk.state.gone': 'gone', 'talk.drop': 'Drop', 'talk.drop.who': 'Drop {who}', 'talk.leave': 'I leave, the others go on',
}
