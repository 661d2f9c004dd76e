/** The shapes of the HTTP interface that the page reads. Unknown is null, never 0. */
export interface Caller { number: string | null; e164: string | null; presentation: string | null; kind: string }
export interface Gate { result: string | null; seconds: number | null; keys: string | null }
export interface Policy { rung: number | null; decision: string | null; block_id: string | null }
export interface Leg { agent: string | null; ring_seconds: number | null; answered_at: string | null; talk_seconds: number | null; end: string | null }
/** How one agent's browser heard and was heard over a conversation; loss and levels 0..1, null where not told. */
export interface LegQuality {
  agent: string; samples: number; loss: number | null; loss_worst: number | null; jitter_ms: number | null; jitter_ms_worst: number | null
  level_in: number | null; level_out: number | null; round_trip_ms: number | null; round_trip_ms_worst: number | null
}
export interface TimelineEntry { at: string; what: string; data: Record<string, unknown> }
export interface Call {
  id: string; site: string; direction: string; dialled: string | null; caller: Caller
  started_at: string; answered_at: string | null; ended_at: string | null
  ending: string | null; ended_by: string | null; gate: Gate; policy: Policy
  flags: string[]; priority: string | null; queue: { wait_seconds: number | null }; legs: Leg[]
  agent: string | null; ring_seconds: number | null; talk_seconds: number | null
  classification: string; classified_by: string | null; note: string | null
  evidence: Evidence[]; source: string; incident_id: string | null; recording_ids: string[]; location?: CallLocation | null; quality?: LegQuality[]; timeline?: TimelineEntry[]
}
export type Evidence = Record<string, unknown>
export interface Waiting { call_id: string; caller: Caller | null; since: string; priority: string | null; flags: string[]; position: number | null }
export type AgentState = 'logged_out' | 'ready' | 'paused' | 'ringing' | 'talking' | 'wrapping_up'
export interface Agent { agent: string; name: string; state: AgentState; since: string | null; reason: string | null; call_id: string | null; phone_registered: boolean | null; telephone?: 'desk' | 'browser' | null }
export interface QueueSnapshot { waiting: Waiting[]; agents: Agent[] }
export interface History {
  calls: { id: string; started_at: string; ending: string | null; classification: string | null }[]
  calls_total: number
  incidents: { id: string; number: string; category: string | null; status: string; created_at: string }[]
  marks: unknown
  why: { id: string; en: string } | null
}
export interface Disposition { agency: string; at: string; by: string; note: string | null; caller_told_at: string | null }
export interface Incident extends ReportFields {
  id: string; number: string; version: number; status: string; call_id: string | null
  dispositions: Disposition[]; caller_told_at: string | null; linked_to?: string | null; closing?: Closing | null
  created_by: string; created_at: string; updated_at: string; shift_date?: string; shift?: string | null
}
/** What a call taker writes, in the order of the SOP. */
export interface ReportFields {
  place: string | null; landmark: string | null; district: string | null; subdistrict: string | null
  category: string | null; description: string | null; injured: string | null; danger: string | null
  caller_name: string | null; callback_number: string | null
  people: string | null; answers: Record<string, string> | null
  latitude: number | null; longitude: number | null; radius_m: number | null; located_by: LocatedBy | null
}
/** Where coordinates come from: dictated, the search, the call taker's hand, the call itself, the caller's own telephone. */
export type LocatedBy = 'typed' | 'gazetteer' | 'pin' | 'network' | 'shared'
/** Where the caller is, as the network or the caller's telephone told. `radius_m`: how far that may be wrong. */
export interface CallLocation { latitude: number; longitude: number; radius_m: number | null; source: 'network' | 'shared'; at: string }
/** The SOP's last step. `told` false: `what` says why not. */
export interface Closing { told: boolean; what: string | null; at: string | null; by?: string | null }
/** A place that the city's gazetteer knows; of some only the name. */
export interface Place { name: string; kind: string; district: string | null; subdistrict: string | null; latitude: number | null; longitude: number | null; score?: number }
/** What the map draws without tiles, and whether there are tiles. */
export interface Surroundings { center: { latitude: number; longitude: number }; tiles: boolean; items: Place[] }
/** A report that may tell of the same event. */
export interface Similar { incident: Pick<Incident, 'id' | 'number' | 'category' | 'place' | 'landmark' | 'created_at'>; metres: number | null; minutes: number | null; score: number; why: { id: string; en: string } | string }
export interface Block {
  id: string; number: string; rung: number; treatment: string; reason: string; evidence: unknown[]
  author: string; origin: string; started_at: string; expires_at: string | null
  awaits_confirmation?: boolean; removed_at?: string | null; explanation?: { id: string; en: string } | string
}
export interface Page<T> { items: T[]; next: string | null }
export interface Me { id?: string; username: string; name: string; role: string; agency?: string | null; site?: string }
export interface LiveEvent { v?: number; type: string; at?: string; seq?: string; data?: unknown }
