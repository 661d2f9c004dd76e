/** The telephone's states, and what leads from one to the other. Pure: the same happenings give the same state. */

/** Whether calls can reach this page. `lost`: it was there, and comes back by itself. */
export type Line = 'idle' | 'registering' | 'ready' | 'lost'
/** The conversation at this page. `answering`: taken, its sound is being set up. */
export type Talk = 'none' | 'ringing' | 'answering' | 'talking'
/** One word for all of it, as the page shows it. */
export type Phase = 'idle' | 'registering' | 'ready' | 'ringing' | 'talking' | 'held' | 'lost'

export interface State {
  line: Line
  talk: Talk
  held: boolean
  muted: boolean
  /** The exchange knows where the conversation is: false from a lost socket until it was told of the new one. */
  settled: boolean
  /** Why the line is not there, as a word of `phone.why.*`; null: nothing went wrong. */
  why: string | null
}
export const IDLE: State = { line: 'idle', talk: 'none', held: false, muted: false, settled: true, why: null }

export type Happening =
  | { what: 'open' }
  | { what: 'registered' }
  /** The exchange refused the registration. */
  | { what: 'refused'; why: string }
  /** The socket is gone; a conversation's sound goes on without it. */
  | { what: 'lost' }
  /** The conversation was moved to the new socket. */
  | { what: 'settled' }
  | { what: 'closed'; why?: string }
  | { what: 'rings' }
  | { what: 'answers' }
  | { what: 'talks' }
  | { what: 'gone' }
  | { what: 'held'; on: boolean }
  | { what: 'muted'; on: boolean }

const NO_TALK = { talk: 'none', held: false, muted: false, settled: true } as const

export function step(state: State, now: Happening): State {
  switch (now.what) {
    case 'open': return state.line === 'idle' ? { ...state, line: 'registering', why: null } : state
    // a late answer of a telephone that was closed meanwhile opens nothing
    case 'registered': return state.line === 'idle' ? state : { ...state, line: 'ready', why: null }
    case 'refused': return state.line === 'idle' ? state : { ...state, line: state.line === 'registering' ? 'registering' : 'lost', why: now.why }
    case 'lost': return state.line === 'idle' ? state : { ...state, line: state.line === 'registering' ? 'registering' : 'lost', settled: state.talk === 'none' || state.talk === 'ringing' }
    case 'settled': return { ...state, settled: true }
    // Who is no longer the telephone still finishes the conversation.
    case 'closed': return { ...state, line: 'idle', why: now.why ?? null }
    case 'rings': return state.talk === 'none' ? { ...state, ...NO_TALK, talk: 'ringing' } : state
    case 'answers': return state.talk === 'ringing' ? { ...state, talk: 'answering' } : state
    case 'talks': return state.talk === 'none' ? state : { ...state, talk: 'talking' }
    case 'gone': return { ...state, ...NO_TALK }
    case 'held': return state.talk === 'talking' ? { ...state, held: now.on } : state
    case 'muted': return state.talk === 'talking' || state.talk === 'answering' ? { ...state, muted: now.on } : state
  }
}

export function phase(state: State): Phase {
  if (state.line === 'lost') return 'lost'
  if (state.talk === 'ringing') return 'ringing'
  if (state.talk === 'answering' || state.talk === 'talking') return state.held ? 'held' : 'talking'
  return state.line
}
