"""Every metric that is not a count of requests: its name, who tells it, its meaning and closed set of words.

A metric that is added here needs a panel or an alert in monitoring/ (tests/monitoring/test_files.py).
"""

from __future__ import annotations

from console.metrics import Family
from console.state import PARTS
from psap.calls.model import Classification, Ending, GateResult
from psap.missed.model import Status
from psap.platform.metrics import ANSWER_SECONDS, GATE_SECONDS, TALK_SECONDS
from psap.queue.model import AgentState

ALL_PARTS = frozenset((*PARTS, "watchdog"))
OPEN = "open"  # a call that goes on

ENDINGS = frozenset(str(word) for word in Ending)
RESULTS = frozenset(str(word) for word in GateResult)
KINDS = frozenset(str(word) for word in Classification)
STATES = frozenset(str(word) for word in AgentState)
STAGES = frozenset(("gate", "queue", "ringing", "talking"))
RUNGS = frozenset(str(rung) for rung in range(6))

BRIDGE = (  # ``health.figures``, at most a second old
    Family("psap_calls_in_progress", "calls", "Calls now."),
    Family("psap_bridge_calls", "calls", "Calls that the bridge follows."),
    Family("psap_callers_waiting", "waiting", "Callers in the queue, rung for or not."),
    Family("psap_longest_wait_seconds", "longest_wait_seconds", "Wait of who waits longest, 0: nobody."),
    Family("psap_calls_now", "stages", "Calls now by what they are in.", "stage", STAGES),
    Family("psap_agents", "agents", "Call takers by state.", "state", STATES),
    Family("psap_calls_ended_total", "ended", "Calls ended since the bridge's start.", "ending", ENDINGS),
    Family("psap_calls_from_ledger_total", "from_ledger", "Of these, told by Asterisk's ledger afterwards."),
    Family("psap_gate_results_total", "gate", "Callers who left the gate, by result.", "result", RESULTS),
    Family(
        "psap_calls_classified_total",
        "classified",
        "What call takers said of calls; a changed word counts again.",
        "classification",
        KINDS,
    ),
    Family(
        "psap_calls_refused_total",
        "refused",
        "Calls not let in: no room, too many of one number, or Asterisk drained.",
        "decision",
        frozenset(("overload", "too_many", "draining")),
    ),
    Family("psap_caller_rungs_total", "rungs", "Calls by the caller's rung on the ladder.", "rung", RUNGS),
    Family("psap_call_backs_ended_total", "call_backs", "Call-backs by how they ended.", "ending", ENDINGS),
    Family(
        "psap_recordings_total",
        "recordings",
        "Calls by whether they are recorded.",
        "state",
        frozenset(("on", "low", "failed")),
    ),
    Family("psap_answer_seconds", "answer_seconds", "From the queue to the answer.", bounds=ANSWER_SECONDS),
    Family("psap_abandon_seconds", "abandon_seconds", "Wait of who gave up.", bounds=ANSWER_SECONDS),
    Family("psap_gate_seconds", "gate_seconds", "Time in the gate.", bounds=GATE_SECONDS),
    Family("psap_talk_seconds", "talk_seconds", "Time in conversation.", bounds=TALK_SECONDS),
    Family("psap_ami_link_up", "link_up", "1 while the bridge is connected to Asterisk and caught up."),
    Family("psap_ami_events_total", "events", "AMI events handled since the bridge started."),
    Family("psap_ami_events_waiting", "events_waiting", "AMI events that wait to be handled."),
    Family("psap_ami_events_waiting_most", "events_waiting_most", "The most that ever waited."),
    Family("psap_ami_losses_total", "losses", "How often the connection to Asterisk was lost."),
    Family("psap_catch_up_seconds", "resync_seconds", "How long the last catch-up took."),
    Family("psap_catch_up_behind", "behind", "1 until every call of the ledger has its record."),
    Family("psap_unsaved_records", "unsaved", "Records and marks that the database does not have yet."),
    Family("psap_publish_waiting", "publish_waiting", "Events that wait for Redis."),
    Family("psap_nudges_total", "nudges", "How often the queue was told that a call taker is free."),
    Family("psap_blocks", "blocks", "Numbers in Asterisk's own block list."),
    Family("psap_blocks_written_total", "blocks_written", "Numbers written into Asterisk's block list."),
    Family("psap_blocks_deleted_total", "blocks_deleted", "Numbers taken out of Asterisk's block list."),
    Family("psap_guard_cut", "guard_cut", "SIP hosts that are cut off now."),
    Family("psap_guard_cuts_total", "guard_cuts", "SIP hosts cut off since the bridge's start."),
)

AGI = (  # its heartbeat
    Family("psap_agi_calls_now", "calls_now", "Callers in the hands of the gate's process."),
    Family(
        "psap_agi_conversations_total",
        "conversations",
        "Conversations of the gate's process by how they ended.",
        "end",
        frozenset(("decided", "hung_up", "late", "refused", "fault")),
    ),
    Family("psap_agi_seconds", "seconds", "How long the gate's process had a caller.", bounds=GATE_SECONDS),
)

WATCHDOG = (  # its heartbeat
    Family("psap_watchdog_ends_total", "ended", "Parts that hung and were ended.", "part", ALL_PARTS),
)

LOOKS = (  # the console's own looks at files and records, in the background
    Family("psap_part_up", "up", "1 while a part is well.", "part", ALL_PARTS),
    Family("psap_part_down", "down", "1 while a part is down, 0 also while degraded.", "part", ALL_PARTS),
    Family(
        "psap_part_started_timestamp_seconds",
        "started",
        "When a part was started; it changes with each restart.",
        "part",
        ALL_PARTS,
    ),
    Family("psap_process_cpu_seconds_total", "cpu_seconds", "Processor time of a part.", "part", ALL_PARTS),
    Family("psap_process_resident_bytes", "resident_bytes", "Memory of a part.", "part", ALL_PARTS),
    Family("psap_bridge_up", "bridge_up", "1 while the AMI bridge answers."),
    Family("psap_database_up", "database_up", "1 while the database answers."),
    Family("psap_redis_up", "redis_up", "1 while the hot store answers."),
    Family("psap_live_clients", "live_clients", "Browsers and scripts on the live channel."),
    Family("psap_live_events", "live_events", "Events fanned out since the start."),
    Family("psap_live_lag_seconds", "live_lag_seconds", "From the newest event to its fan-out."),
    Family("psap_live_resets_total", "live_resets", "Clients told to fetch everything anew."),
    Family("psap_spool_bytes", "spool_bytes", "Bytes of records that wait for the database."),
    Family("psap_rejected_bytes", "rejected_bytes", "Bytes of records that could not be written at all."),
    Family("psap_disk_free_bytes", "disk_free_bytes", "Free bytes of the home's disk."),
    Family("psap_disk_total_bytes", "disk_total_bytes", "Size of the home's disk."),
    Family("psap_disk_reserve_bytes", "disk_reserve_bytes", "Bytes kept back for records."),
    Family("psap_disk_low", "disk_low", "1 while recordings and backups stop for want of room."),
    Family("psap_disk_full", "disk_full", "1 while the reserve is being used up."),
    Family("psap_backup_timestamp_seconds", "backup_at", "When the newest backup was taken."),
    Family(
        "psap_certificate_expires_timestamp_seconds", "certificate_until", "When the TLS certificate ends."
    ),
    Family("psap_today_calls", "today", "Today's calls in the records.", "ending", ENDINGS | {OPEN}),
    Family(
        "psap_today_gate_results", "today_gate", "Today's gate results in the records.", "result", RESULTS
    ),
    Family(
        "psap_today_classified",
        "today_kinds",
        "Today's answered calls in the records by classification.",
        "classification",
        KINDS,
    ),
    Family(
        "psap_missed",
        "missed",
        "Missed callers who are not dealt with yet.",
        "status",
        frozenset(str(word) for word in Status) - {str(Status.CLOSED)},
    ),
    Family("psap_records_counted_timestamp_seconds", "counted_at", "When the records were last counted."),
)
