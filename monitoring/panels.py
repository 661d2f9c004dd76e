"""What is drawn: a line is a panel of monitoring/grafana/psap112.json, its words Indonesian / English."""

from __future__ import annotations

from dataclasses import dataclass

GREEN, AMBER, RED, BLUE = "green", "orange", "red", "blue"

Steps = tuple[tuple[float | None, str], ...]
Query = tuple[str, str]  # expression, legend
GOOD_BELOW: dict[str, Steps] = {
    "wait": ((None, GREEN), (10, AMBER), (20, RED)),
    "any": ((None, GREEN), (1, RED)),
    "some": ((None, GREEN), (5, AMBER), (10, RED)),
    "lag": ((None, GREEN), (0.5, AMBER), (2, RED)),
    "day": ((None, GREEN), (7_200, AMBER), (93_600, RED)),
}
GOOD_ABOVE: dict[str, Steps] = {
    "up": ((None, RED), (1, GREEN)),
    "ready": ((None, RED), (1, AMBER), (2, GREEN)),
    "days": ((None, RED), (14 * 86_400, AMBER), (30 * 86_400, GREEN)),
    "aim": ((None, RED), (0.8, AMBER), (0.9, GREEN)),
}
PLAIN: Steps = ((None, BLUE),)


def q(expression: str, legend: str = "") -> Query:
    """A query of the chosen centre: ``@`` in a selector stands for it."""
    return expression.replace("@", 'instance=~"$instance"'), legend


def rate(metric: str, by: str, legend: str | None = None) -> Query:
    """Counts a minute by a label."""
    return q(f"sum by ({by}) (rate({metric}{{@}}[$__rate_interval])) * 60", legend or f"{{{{{by}}}}}")


def quantile(metric: str, share: float) -> Query:
    """What so large a share stays below."""
    return q(
        f"histogram_quantile({share}, sum by (le) (rate({metric}_bucket{{@}}[$__rate_interval])))",
        f"p{share * 100:g}",
    )


@dataclass(frozen=True)
class Panel:
    """One drawing. ``kind`` is Grafana's; ``stack`` for what adds up."""

    title: str
    queries: tuple[Query, ...]
    kind: str = "timeseries"
    unit: str = "short"
    steps: Steps = PLAIN
    width: int = 8
    stack: bool = False
    top: float | None = None

    @property
    def height(self) -> int:
        return 4 if self.kind == "stat" else 8


def stat(title: str, query: Query, steps: Steps = PLAIN, unit: str = "short", width: int = 3) -> Panel:
    """One figure."""
    return Panel(title, (query,), "stat", unit, steps, width)


ROWS: tuple[tuple[str, tuple[Panel, ...]], ...] = (
    (
        "Sekarang / Now",
        (
            stat("Menunggu / Waiting", q("psap_callers_waiting{@}"), GOOD_BELOW["some"]),
            stat("Terlama / Longest wait", q("psap_longest_wait_seconds{@}"), GOOD_BELOW["wait"], "s"),
            stat("Panggilan / Calls now", q("psap_calls_in_progress{@}")),
            stat("Siap / Ready", q('psap_agents{@, state="ready"}'), GOOD_ABOVE["ready"]),
            stat(
                "≤ 15 dtk, 1 jam / within 15 s, 1 h",
                q(
                    'sum(increase(psap_answer_seconds_bucket{@, le="15.0"}[1h]))'
                    " / sum(increase(psap_answer_seconds_count{@}[1h]))"
                ),
                GOOD_ABOVE["aim"],
                "percentunit",
            ),
            stat("Hari ini / Today", q("sum(psap_today_calls{@})")),
            stat("Belum ditelepon balik / To call back", q("sum(psap_missed{@})"), GOOD_BELOW["some"]),
            stat(
                "Peringatan / Alerts",
                q('count(ALERTS{alertstate="firing", @}) or vector(0)'),
                GOOD_BELOW["any"],
            ),
        ),
    ),
    (
        "Penelepon / Callers",
        (
            Panel("Di mana / Where they are", (q("psap_calls_now{@}", "{{stage}}"),), stack=True),
            Panel(
                "Berakhir per menit / Ended a minute",
                (rate("psap_calls_ended_total", "ending"),),
                stack=True,
            ),
            Panel(
                "Terlama menunggu / Longest wait",
                (q("psap_longest_wait_seconds{@}", "s"),),
                unit="s",
                steps=GOOD_BELOW["wait"],
            ),
            Panel(
                "Sampai dijawab / Until the answer",
                (quantile("psap_answer_seconds", 0.5), quantile("psap_answer_seconds", 0.9)),
                unit="s",
                steps=GOOD_BELOW["wait"],
            ),
            Panel(
                "Sebaran waktu jawab / Answer times",
                (q("sum by (le) (increase(psap_answer_seconds_bucket{@}[$__rate_interval]))", "{{le}}"),),
                "heatmap",
            ),
            Panel(
                "Menyerah setelah / Gave up after",
                (quantile("psap_abandon_seconds", 0.5), quantile("psap_abandon_seconds", 0.9)),
                unit="s",
            ),
            Panel(
                "Menyerah di antrean / Abandoned in the queue",
                (
                    q(
                        'sum(increase(psap_calls_ended_total{@, ending="abandoned_in_queue"}[30m]))'
                        " / sum(increase(psap_calls_ended_total"
                        '{@, ending=~"answered|abandoned_in_queue"}[30m]))',
                        "30 m",
                    ),
                ),
                unit="percentunit",
                steps=((None, GREEN), (0.05, AMBER), (0.1, RED)),
            ),
            Panel("Hasil gerbang / Gate results", (rate("psap_gate_results_total", "result"),), stack=True),
            Panel(
                "Lama di gerbang dan bicara / In the gate, talking",
                (
                    q(
                        "sum(rate(psap_gate_seconds_sum{@}[$__rate_interval]))"
                        " / sum(rate(psap_gate_seconds_count{@}[$__rate_interval]))",
                        "gate",
                    ),
                    q(
                        "sum(rate(psap_talk_seconds_sum{@}[$__rate_interval]))"
                        " / sum(rate(psap_talk_seconds_count{@}[$__rate_interval]))",
                        "talk",
                    ),
                ),
                unit="s",
            ),
            Panel(
                "Penandaan / Classified",
                (rate("psap_calls_classified_total", "classification"),),
                stack=True,
            ),
            Panel(
                "Tangga / Ladder rungs",
                (rate("psap_caller_rungs_total", "rung", "rung {{rung}}"),),
                stack=True,
            ),
            Panel(
                "Ditolak, telepon balik, dari buku / Refused, call-backs, from the ledger",
                (
                    rate("psap_calls_refused_total", "decision"),
                    rate("psap_call_backs_ended_total", "ending", "call-back {{ending}}"),
                    q("sum(rate(psap_calls_from_ledger_total{@}[$__rate_interval])) * 60", "ledger"),
                ),
            ),
        ),
    ),
    (
        "Hari ini, dari catatan / Today, from the records",
        (
            Panel("Berakhir / Endings", (q("psap_today_calls{@}", "{{ending}}"),), "bargauge", width=6),
            Panel("Gerbang / Gate", (q("psap_today_gate_results{@}", "{{result}}"),), "bargauge", width=6),
            Panel(
                "Jenis / Kinds", (q("psap_today_classified{@}", "{{classification}}"),), "bargauge", width=6
            ),
            Panel(
                "Tak terjawab / Missed",
                (q("psap_missed{@}", "{{status}}"),),
                "bargauge",
                steps=GOOD_BELOW["some"],
                width=6,
            ),
        ),
    ),
    (
        "Petugas dan bagian / Call takers and parts",
        (
            Panel("Petugas / Call takers", (q("psap_agents{@}", "{{state}}"),), stack=True),
            Panel(
                "Bagian / Parts",
                (q("psap_part_up{@} - psap_part_down{@}", "{{part}}"),),
                "state-timeline",
                steps=((None, RED), (0, AMBER), (1, GREEN)),
                width=16,
            ),
            stat("Penghubung / Bridge", q("psap_bridge_up{@}"), GOOD_ABOVE["up"]),
            stat("Asterisk (AMI)", q("psap_ami_link_up{@}"), GOOD_ABOVE["up"]),
            stat("Redis", q("psap_redis_up{@}"), GOOD_ABOVE["up"]),
            stat("Basis data / Database", q("psap_database_up{@}"), GOOD_ABOVE["up"]),
            stat("Buku dibaca / Ledger behind", q("psap_catch_up_behind{@}"), GOOD_BELOW["any"]),
            stat("Menyusul / Catch-up", q("psap_catch_up_seconds{@}"), PLAIN, "s"),
            stat("AMI putus 1 h / lost", q("increase(psap_ami_losses_total{@}[1h])"), GOOD_BELOW["any"]),
            stat(
                "Macet 1 h / Hung",
                q("sum(increase(psap_watchdog_ends_total{@}[1h]))"),
                GOOD_BELOW["any"],
            ),
            Panel(
                "Hidup ulang / Restarts, 1 h",
                (q("changes(psap_part_started_timestamp_seconds{@}[1h])", "{{part}}"),),
                steps=GOOD_BELOW["any"],
            ),
            Panel(
                "Kejadian AMI / AMI events",
                (
                    q("rate(psap_ami_events_total{@}[$__rate_interval])", "/s"),
                    q("psap_ami_events_waiting{@}", "waiting"),
                    q("psap_ami_events_waiting_most{@}", "most"),
                    q("rate(psap_nudges_total{@}[$__rate_interval])", "nudges/s"),
                ),
            ),
            Panel(
                "Ke layar / To the screens",
                (q("psap_live_lag_seconds{@}", "lag"),),
                unit="s",
                steps=GOOD_BELOW["lag"],
            ),
            Panel(
                "Gerbang: percakapan / Gate: conversations",
                (
                    rate("psap_agi_conversations_total", "end"),
                    q("psap_agi_calls_now{@}", "now"),
                ),
            ),
            Panel(
                "Gerbang: lama / Gate: how long",
                (quantile("psap_agi_seconds", 0.5), quantile("psap_agi_seconds", 0.99)),
                unit="s",
            ),
            Panel(
                "Menunggu Redis, langsung / For Redis, live",
                (
                    q("psap_publish_waiting{@}", "publish"),
                    q("psap_live_clients{@}", "clients"),
                    q("rate(psap_live_events{@}[$__rate_interval])", "events/s"),
                    q("increase(psap_live_resets_total{@}[$__rate_interval])", "resets"),
                ),
            ),
        ),
    ),
    (
        "Catatan, disk, orang asing / Records, disk, strangers",
        (
            Panel(
                "Menunggu basis data / For the database",
                (
                    q("psap_unsaved_records{@}", "records"),
                    q("psap_spool_bytes{@}", "spool B"),
                    q("psap_rejected_bytes{@}", "rejected B"),
                ),
                steps=GOOD_BELOW["any"],
            ),
            Panel(
                "Disk",
                (
                    q("psap_disk_free_bytes{@}", "free"),
                    q("psap_disk_total_bytes{@}", "size"),
                    q("psap_disk_reserve_bytes{@}", "reserve"),
                ),
                unit="bytes",
            ),
            Panel("Rekaman / Recordings", (rate("psap_recordings_total", "state"),), stack=True),
            stat("Disk hampir habis / low", q("psap_disk_low{@}"), GOOD_BELOW["any"]),
            stat("Disk penuh / full", q("psap_disk_full{@}"), GOOD_BELOW["any"]),
            stat("Cadangan / Backup", q("time() - psap_backup_timestamp_seconds{@}"), GOOD_BELOW["day"], "s"),
            stat(
                "Sertifikat / Certificate",
                q("psap_certificate_expires_timestamp_seconds{@} - time()"),
                GOOD_ABOVE["days"],
                "s",
            ),
            stat("Dihitung / Counted", q("time() - psap_records_counted_timestamp_seconds{@}"), PLAIN, "s"),
            stat("Nomor diblokir / Blocked numbers", q("psap_blocks{@}")),
            stat("SIP diputus / cut off", q("psap_guard_cut{@}")),
            stat("Mengikuti / Bridge follows", q("psap_bridge_calls{@}")),
            Panel(
                "Blokir ditulis / Blocks written",
                (
                    q("rate(psap_blocks_written_total{@}[$__rate_interval]) * 60", "written"),
                    q("rate(psap_blocks_deleted_total{@}[$__rate_interval]) * 60", "deleted"),
                ),
            ),
            Panel(
                "Pintu / The doors",
                (
                    q("increase(psap_sign_in_failures_total{@}[$__rate_interval])", "sign-in"),
                    q("increase(psap_guard_cuts_total{@}[$__rate_interval])", "SIP"),
                ),
            ),
        ),
    ),
    (
        "Halaman dan mesin / Page and machine",
        (
            Panel("Permintaan / Requests", (rate("psap_http_requests_total", "status"),), stack=True),
            Panel(
                "Waktu jawab p99 / Time to answer p99",
                (
                    q(
                        "topk(10, histogram_quantile(0.99, sum by (le, route) "
                        "(rate(psap_http_request_seconds_bucket{@}[$__rate_interval]))))",
                        "{{route}}",
                    ),
                ),
                unit="s",
                steps=((None, GREEN), (0.25, AMBER), (1, RED)),
            ),
            Panel(
                "Prosesor / Processor",
                (q("rate(psap_process_cpu_seconds_total{@}[$__rate_interval])", "{{part}}"),),
                unit="percentunit",
            ),
            Panel("Memori / Memory", (q("psap_process_resident_bytes{@}", "{{part}}"),), unit="bytes"),
        ),
    ),
)

ANNOTATIONS = (
    (
        "Hidup ulang / Restarts",
        BLUE,
        "changes(psap_part_started_timestamp_seconds{@}[$__interval]) > 0",
        "{{part}}",
    ),
    ("Peringatan / Alerts", RED, 'ALERTS{alertstate="firing", severity="page", @}', "{{alertname}}"),
)
