"""Figures for Prometheus, as text. Labels come from closed sets only: templates, never paths."""

from __future__ import annotations

from collections import Counter, defaultdict

BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5)  # seconds


class Metrics:
    """Counts requests and how long they took."""

    def __init__(self) -> None:
        self._requests: Counter[tuple[str, str, int]] = Counter()
        self._buckets: defaultdict[float, int] = defaultdict(int)
        self._seconds = 0.0
        self._count = 0
        self.sign_in_failures = 0

    def request(self, method: str, route: str, status: int, seconds: float) -> None:
        """Count one answered request; ``route`` is the template, e.g. ``/api/v1/calls/{id}``."""
        self._requests[method, route, status] += 1
        self._seconds += seconds
        self._count += 1
        for bound in BUCKETS:
            if seconds <= bound:
                self._buckets[bound] += 1

    def text(self, gauges: dict[str, tuple[str, float]]) -> str:
        """The exposition; ``gauges`` maps a name (with labels) to (help, value)."""
        lines = [
            "# HELP psap_http_requests_total Answered HTTP requests.",
            "# TYPE psap_http_requests_total counter",
        ]
        for (method, route, status), count in sorted(self._requests.items()):
            labels = f'method="{method}",route="{route}",status="{status}"'
            lines.append(f"psap_http_requests_total{{{labels}}} {count}")
        lines += [
            "# HELP psap_http_request_seconds Time to answer.",
            "# TYPE psap_http_request_seconds histogram",
        ]
        for bound in BUCKETS:
            lines.append(f'psap_http_request_seconds_bucket{{le="{bound}"}} {self._buckets[bound]}')
        lines += [
            f'psap_http_request_seconds_bucket{{le="+Inf"}} {self._count}',
            f"psap_http_request_seconds_sum {self._seconds:.6f}",
            f"psap_http_request_seconds_count {self._count}",
            "# HELP psap_sign_in_failures_total Wrong usernames or passwords.",
            "# TYPE psap_sign_in_failures_total counter",
            f"psap_sign_in_failures_total {self.sign_in_failures}",
        ]
        told: set[str] = set()
        for name, (meaning, value) in gauges.items():
            family = name.partition("{")[0]
            if family not in told:
                told.add(family)
                kind = "counter" if family.endswith("_total") else "gauge"
                lines += [f"# HELP {family} {meaning}", f"# TYPE {family} {kind}"]
            lines.append(f"{name} {value:g}")
        return "\n".join(lines) + "\n"
