/** The real telephone: JsSIP over the console's own WebSocket. Loaded only where the page is a telephone. */
import { UA, type Socket } from 'jssip'
import { SipSocket } from './carrier'
import type { Credentials, Ready } from './sip'

const REGISTER_SECONDS = 60

export function makeAgent(who: Credentials): Ready {
  const scheme = location.protocol === 'https:' ? 'wss' : 'ws'
  const carrier = new SipSocket(`${scheme}://${location.host}/api/v1/phone/socket`)
  const agent = new UA({
    sockets: [carrier as unknown as Socket],
    uri: `sip:${who.username}@${who.domain}`,
    password: who.password,
    register: true,
    register_expires: REGISTER_SECONDS,
    // The exchange asks whether we live; a refresh of ours that meets a lost socket would end the conversation.
    session_timers: false,
    // our carrier is back sooner: JsSIP's own attempts find it connected
    connection_recovery_min_interval: 5,
    connection_recovery_max_interval: 30,
    user_agent: 'psap112-web',
  })
  return { agent: agent as unknown as Ready['agent'], carrier }
}
