// A telephone for tests: JsSIP in a page of the console's own origin, driven by tests/browser/webphone.py.
// It answers by itself, measures what it hears, and keeps what happened in `told`.
import JsSIP from 'jssip'

const API = '/api/v1'

class Phone {
  constructor() {
    this.told = []
    this.session = null
    this.answering = true
    this.context = null
  }

  tell(what, more = {}) {
    this.told.push({ what, at: Date.now(), ...more })
  }

  async ask(method, path, body) {
    const answer = await fetch(API + path, {
      method,
      headers: body === undefined ? {} : { 'Content-Type': 'application/json' },
      body: body === undefined ? undefined : JSON.stringify(body),
    })
    const text = await answer.text()
    if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${text}`)
    return text ? JSON.parse(text) : null
  }

  signIn(username, password) {
    return this.ask('POST', '/session', { username, password })
  }

  // `account` given: somebody else's, to see it refused
  async open(tab, account) {
    this.tab = tab
    const given = account ?? (await this.ask('POST', '/agents/me/phone', { session: tab }))
    this.follow()
    const url = `${location.protocol.replace('http', 'ws')}//${location.host}${given.path}`
    this.socket = new JsSIP.WebSocketInterface(url)
    this.agent = new JsSIP.UA({
      sockets: [this.socket],
      uri: given.uri,
      authorization_user: given.username,
      password: given.password,
      register: true,
      register_expires: given.register_seconds,
      session_timers: false,
      connection_recovery_min_interval: 1,
      connection_recovery_max_interval: 2,
    })
    for (const what of ['connected', 'disconnected', 'registered', 'unregistered', 'registrationFailed']) {
      this.agent.on(what, (event) => this.tell(what, { cause: event?.cause, status: event?.response?.status_code }))
    }
    // an exchange that was started anew learns the password some moments later
    if (!account) this.agent.on('registrationFailed', () => setTimeout(() => this.agent.register(), 1000))
    // a dialog goes on over the socket that it last spoke on: after a loss it must speak again
    this.agent.on('disconnected', () => { this.lost = true })
    this.agent.on('registered', () => {
      if (this.lost && this.session?.isEstablished()) this.session.renegotiate({}, () => this.tell('renegotiated'))
      this.lost = false
    })
    this.agent.on('newRTCSession', ({ originator, session }) => this.rings(originator, session))
    this.agent.start()
    return given
  }

  follow() {
    const events = new WebSocket(`${location.protocol.replace('http', 'ws')}//${location.host}${API}/events`)
    events.onmessage = (message) => {
      const { type, data } = JSON.parse(message.data)
      if (type === 'phone.taken' || type === 'call.ringing') this.tell(type, { data })
    }
  }

  rings(originator, session) {
    if (originator !== 'remote') return
    this.session = session
    this.tell('rings', { call: session.id })
    session.on('confirmed', () => this.tell('answered'))
    session.on('ended', ({ cause }) => this.tell('ended', { cause }))
    session.on('failed', ({ cause, message }) => this.tell('failed', { cause, status: message?.status_code }))
    if (this.answering) this.answer()
  }

  answer() {
    const session = this.session
    this.tell('answering')
    session.answer({
      mediaConstraints: { audio: { echoCancellation: false, noiseSuppression: false, autoGainControl: false }, video: false },
      pcConfig: { iceServers: [] },
    })
    session.connection.addEventListener('track', ({ streams, track }) => this.hear(streams[0] ?? new MediaStream([track])))
  }

  hear(stream) {
    // Chromium gives sound to an AudioContext only while an element plays the stream, too
    this.element = new Audio()
    this.element.srcObject = stream
    this.element.muted = true
    this.element.play()
    this.context = new AudioContext()
    this.analyser = this.context.createAnalyser()
    this.analyser.fftSize = 8192
    this.context.createMediaStreamSource(stream).connect(this.analyser)
    this.tell('track')
    // the first packet of the caller's sound
    const [receiver] = this.session.connection.getReceivers()
    const session = this.session
    const look = setInterval(() => {
      if (receiver.getSynchronizationSources().length === 0 && !session.isEnded()) return
      clearInterval(look)
      if (!session.isEnded()) this.tell('sound')
    }, 5)
  }

  // the loudest frequency that is heard now, and how far it stands above the rest, in Hz and dB
  heard() {
    if (!this.analyser) return { hertz: 0, level: -200 }
    const bins = new Float32Array(this.analyser.frequencyBinCount)
    this.analyser.getFloatFrequencyData(bins)
    let best = 0
    for (let place = 1; place < bins.length; place++) if (bins[place] > bins[best]) best = place
    return { hertz: (best * this.context.sampleRate) / this.analyser.fftSize, level: bins[best] }
  }

  hangUp() {
    this.session.terminate()
  }
}

window.phone = new Phone()
