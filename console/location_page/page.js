// Sends where this telephone is to the call taker. Written for browsers of 2014 and later: no modules, no fetch.
(function () {
  'use strict'
  var button = document.getElementById('send')
  var said = document.getElementById('said')
  var token = window.location.pathname.split('/').pop()
  var BETTER_FOR = 60000 // ms after a press in which a better position is sent by itself
  var best = null // metres of the best position sent since the press
  var watch = null
  var ending = null

  function say(indonesian, english, kind) {
    said.className = kind || ''
    said.textContent = ''
    said.appendChild(document.createTextNode(indonesian + ' '))
    var other = document.createElement('span')
    other.lang = 'en'
    other.textContent = english
    said.appendChild(other)
  }

  function ready() { button.disabled = false }

  function stop() {
    if (watch !== null) { navigator.geolocation.clearWatch(watch) }
    if (ending !== null) { window.clearTimeout(ending) }
    watch = ending = null
    ready()
  }

  function refused(status) {
    if (status === 410 || status === 404) {
      stop()
      button.hidden = true
      say('Tautan sudah tidak berlaku. Bila perlu pertolongan, hubungi 112.', 'This link is over. If you need help, dial 112.', 'bad')
    } else if (status === 429) {
      say('Lokasi sudah diterima, tunggu sebentar.', 'Your location was received, please wait a moment.', '')
    } else {
      stop()
      say('Belum terkirim. Coba lagi, atau sebutkan alamat kepada petugas.', 'Not sent. Try again, or tell the call taker your address.', 'bad')
    }
  }

  function send(position) {
    var where = position.coords
    var metres = Math.round(where.accuracy)
    if (best !== null && !(metres < best * 0.7)) { return }
    var before = best
    best = metres
    var request = new XMLHttpRequest()
    request.open('POST', '/api/v1/shared-location')
    request.setRequestHeader('Content-Type', 'application/json')
    request.timeout = 20000
    request.onload = function () {
      if (request.status >= 200 && request.status < 300) {
        ready()
        say('Lokasi terkirim (ketelitian ' + metres + ' meter). Bila Anda berpindah, tekan lagi.', 'Location sent (within ' + metres + ' metres). If you move, press again.', 'good')
      } else { best = before; refused(request.status) }
    }
    request.onerror = request.ontimeout = function () { best = before; refused(0) }
    request.send(JSON.stringify({ token: token, latitude: where.latitude, longitude: where.longitude, radius_m: metres }))
  }

  function failed(error) {
    if (best !== null) { stop(); return } // one was sent: that a better one does not come is no matter
    stop()
    if (error.code === 1) {
      say('Telepon menolak izin lokasi. Izinkan lokasi untuk halaman ini lalu coba lagi, atau sebutkan alamat kepada petugas.', 'Your telephone did not allow it. Allow location for this page and try again, or tell the call taker your address.', 'bad')
    } else {
      say('Lokasi tidak ditemukan. Nyalakan lokasi (GPS) dan coba lagi, atau sebutkan alamat kepada petugas.', 'No location found. Turn location (GPS) on and try again, or tell the call taker your address.', 'bad')
    }
  }

  button.addEventListener('click', function () {
    if (!navigator.geolocation || window.isSecureContext === false) {
      say('Telepon ini tidak dapat mengirim lokasi. Sebutkan alamat kepada petugas 112.', 'This telephone cannot send its location. Tell the 112 call taker your address.', 'bad')
      return
    }
    stop()
    best = null
    button.disabled = true
    say('Mencari lokasi…', 'Looking for your location…', '')
    watch = navigator.geolocation.watchPosition(send, failed, { enableHighAccuracy: true, timeout: 30000, maximumAge: 0 })
    ending = window.setTimeout(stop, BETTER_FOR)
  })
})()
