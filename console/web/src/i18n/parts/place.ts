/** Words of places and the map: Indonesian first, and English beside it under the same keys; the compiler finds what is missing. */
export const id = {
  'place.found': 'Tempat yang cocok', 'place.found.n': '{n} tempat ditemukan; panah bawah untuk memilih', 'place.map': 'Peta: letak kejadian',
  'place.map.keys': 'Tombol panah menggeser pin 10 meter, dengan Shift 100 meter. Enter menaruh pin di tengah peta, Delete mengambilnya, + dan − memperbesar dan memperkecil.',
  'place.in': 'Perbesar', 'place.out': 'Perkecil', 'place.nopin': 'Belum ada pin: klik peta, atau Enter', 'place.nomap': 'Peta belum tersedia. Alamat dan pin tetap dapat dicatat.',
  'place.from': '{far} {wind} {name}', 'place.doubt': 'bisa meleset {far}',
  'place.by.typed': 'koordinat diketik', 'place.by.gazetteer': 'dari pencarian', 'place.by.pin': 'pin petugas', 'place.by.network': 'dari jaringan', 'place.by.shared': 'dikirim pelapor',
  'place.seen.network': 'Lokasi dari jaringan, belum ada pin', 'place.seen.shared': 'Lokasi dikirim pelapor, belum ada pin', 'place.use.network': 'Pakai lokasi jaringan', 'place.use.shared': 'Pakai lokasi pelapor',
  'wind.n': 'utara', 'wind.ne': 'timur laut', 'wind.e': 'timur', 'wind.se': 'tenggara', 'wind.s': 'selatan', 'wind.sw': 'barat daya', 'wind.w': 'barat', 'wind.nw': 'barat laut',
  'placekind.district': 'kecamatan', 'placekind.subdistrict': 'kelurahan', 'placekind.street': 'jalan', 'placekind.junction': 'simpang', 'placekind.market': 'pasar', 'placekind.station': 'stasiun', 'placekind.terminal': 'terminal', 'placekind.airport': 'bandara', 'placekind.harbour': 'pelabuhan',
  'placekind.hospital': 'rumah sakit', 'placekind.clinic': 'puskesmas', 'placekind.school': 'sekolah', 'placekind.worship': 'ibadah', 'placekind.office': 'kantor', 'placekind.police': 'polisi', 'placekind.fire': 'damkar', 'placekind.mall': 'mal', 'placekind.hotel': 'hotel', 'placekind.park': 'taman',
  'placekind.square': 'alun-alun', 'placekind.bridge': 'jembatan', 'placekind.river': 'sungai', 'placekind.beach': 'pantai', 'placekind.area': 'kawasan', 'placekind.industry': 'industri', 'placekind.landmark': 'patokan',
  'link.ask': 'Minta lokasi', 'link.title': 'Minta pelapor membuka alamat ini', 'link.copy': 'Salin', 'link.copied': 'Tersalin', 'link.waiting': 'Menunggu lokasi · berlaku sampai {time}', 'link.arrived': 'Lokasi pelapor diterima, ketelitian {radius} m.', 'link.failed': 'Tautan tidak dapat dibuat: {why}',
  'spell.digits': 'nol satu dua tiga empat lima enam tujuh delapan sembilan', 'spell.capital': '{letter} besar', 'spell.dash': 'strip', 'spell.under': 'garis bawah',
} as const
export const en: Record<keyof typeof id, string> = {
  'place.found': 'Places that fit', 'place.found.n': '{n} places found; arrow down to choose', 'place.map': 'Map: place of the incident',
  'place.map.keys': 'Arrow keys move the pin 10 metres, with Shift 100 metres. Enter puts the pin in the middle of the map, Delete takes it away, + and − zoom.',
  'place.in': 'Zoom in', 'place.out': 'Zoom out', 'place.nopin': 'No pin yet: click the map, or Enter', 'place.nomap': 'The map is not available. Address and pin can be written all the same.',
  'place.from': '{far} {wind} of {name}', 'place.doubt': 'may be {far} off',
  'place.by.typed': 'coordinates typed', 'place.by.gazetteer': 'from the search', 'place.by.pin': "call taker's pin", 'place.by.network': 'from the network', 'place.by.shared': 'sent by the caller',
  'place.seen.network': 'Location from the network, no pin yet', 'place.seen.shared': 'Location sent by the caller, no pin yet', 'place.use.network': "Use the network's location", 'place.use.shared': "Use the caller's location",
  'wind.n': 'north', 'wind.ne': 'north-east', 'wind.e': 'east', 'wind.se': 'south-east', 'wind.s': 'south', 'wind.sw': 'south-west', 'wind.w': 'west', 'wind.nw': 'north-west',
  'placekind.district': 'district', 'placekind.subdistrict': 'subdistrict', 'placekind.street': 'street', 'placekind.junction': 'junction', 'placekind.market': 'market', 'placekind.station': 'station', 'placekind.terminal': 'terminal', 'placekind.airport': 'airport', 'placekind.harbour': 'harbour',
  'placekind.hospital': 'hospital', 'placekind.clinic': 'clinic', 'placekind.school': 'school', 'placekind.worship': 'worship', 'placekind.office': 'office', 'placekind.police': 'police', 'placekind.fire': 'fire station', 'placekind.mall': 'mall', 'placekind.hotel': 'hotel', 'placekind.park': 'park',
  'placekind.square': 'square', 'placekind.bridge': 'bridge', 'placekind.river': 'river', 'placekind.beach': 'beach', 'placekind.area': 'area', 'placekind.industry': 'industry', 'placekind.landmark': 'landmark',
  'link.ask': 'Ask location', 'link.title': 'Ask the caller to open this address', 'link.copy': 'Copy', 'link.copied': 'Copied', 'link.waiting': 'Waiting for the location · valid until {time}', 'link.arrived': "The caller's location arrived, accurate to {radius} m.", 'link.failed': 'The link cannot be made: {why}',
  'spell.digits': 'zero one two three four five six seven eight nine', 'spell.capital': 'capital {letter}', 'spell.dash': 'dash', 'spell.under': 'underscore',
}
