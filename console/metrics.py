"""Figures for Prometheus. Labels come from closed sets: no name, number or path ever becomes one.

The console counts its own requests; what bridge, gate, watchdog and records tell becomes metrics by the
catalogue (console/metric_catalogue.py) at the moment of asking, from memory: a scrape asks nobody anything.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Literal

from prometheus_client import CollectorRegistry, Counter, Histogram, disable_created_metrics, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4
from prometheus_client.metrics_core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)
from prometheus_client.registry import Collector

from psap.platform.metrics import OTHER

BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5)  # seconds of an HTTP request
SWITCHED = int(HTTPStatus.SWITCHING_PROTOCOLS)
STATUSES = frozenset(int(status) for status in HTTPStatus)

CONTENT_TYPE = CONTENT_TYPE_PLAIN_0_0_4

Kind = Literal["gauge", "counter", "histogram"]

# "when was this made" as a metric of its own for each counter would double the page for nothing
disable_created_metrics()  # type: ignore[no-untyped-call]


@dataclass(frozen=True, slots=True)
class Family:
    """One metric: ``name`` as it is scraped, ``figure`` the teller's word for it.

    ``label`` and its closed set of ``words`` belong together; ``bounds`` are a histogram's, in seconds.
    """

    name: str
    figure: str
    meaning: str
    label: str | None = None
    words: frozenset[str] = frozenset()
    bounds: tuple[float, ...] = ()

    @property
    def kind(self) -> Kind:
        """By its name, as Prometheus' users expect it."""
        if self.bounds:
            return "histogram"
        return "counter" if self.name.endswith("_total") else "gauge"

    def metric(self, told: object) -> Metric | None:
        """What was told as a metric; None: not told, or not what this figure is."""
        if self.bounds:
            return self._histogram(told)
        make = CounterMetricFamily if self.kind == "counter" else GaugeMetricFamily
        if self.label is None:
            value = number(told)
            return None if value is None else make(self.name, self.meaning, value=value)
        if not isinstance(told, Mapping):
            return None
        metric = make(self.name, self.meaning, labels=[self.label])
        others = None
        for word, figure in told.items():
            if (value := number(figure)) is None:
                continue
            if word in self.words:
                metric.add_metric([word], value)
            else:  # a word of a newer or older part of ours, or of a stranger: counted, never repeated
                others = (others or 0.0) + value
        if others:
            metric.add_metric([OTHER], others)
        return metric

    def _histogram(self, told: object) -> Metric | None:
        if not isinstance(told, Mapping):
            return None
        rows, total = told.get("buckets"), number(told.get("sum"))
        if not isinstance(rows, list) or len(rows) != len(self.bounds) + 1 or total is None:
            return None
        buckets, below = [], 0.0
        for bound, row in zip((*self.bounds, math.inf), rows, strict=True):
            if (value := number(row)) is None:
                return None
            below += value
            buckets.append(("+Inf" if math.isinf(bound) else repr(bound), below))
        return HistogramMetricFamily(self.name, self.meaning, buckets=buckets, sum_value=total)


def number(told: object) -> float | None:
    """A figure, or None where it is none: what others tell is data."""
    if not isinstance(told, bool | int | float):
        return None
    try:
        value = float(told)
    except OverflowError:
        return None
    return value if math.isfinite(value) else None


class Metrics:
    """Counts requests and how long they took, and writes everything down for Prometheus."""

    def __init__(self) -> None:
        self._own = CollectorRegistry(auto_describe=False)
        self._requests = Counter(
            "psap_http_requests_total",
            "Answered HTTP requests.",
            ["method", "route", "status"],
            registry=self._own,
        )
        self._seconds = Histogram(
            "psap_http_request_seconds", "Time to answer.", ["route"], buckets=BUCKETS, registry=self._own
        )
        self.sign_in_failures = 0

    def request(self, method: str, route: str, status: int, seconds: float) -> None:
        """Count one answered request; ``route`` is the template, e.g. ``/api/v1/calls/{id}``."""
        told = str(status) if status in STATUSES else OTHER
        self._requests.labels(method, route, told).inc()
        if status != SWITCHED:  # a live channel's life is no time to answer
            self._seconds.labels(route).observe(seconds)

    def text(self, told: Iterable[Metric]) -> bytes:
        """The exposition, ``CONTENT_TYPE``: our own figures, then what others told."""
        return generate_latest(_Page([*self._collect(), *told]))

    def _collect(self) -> Iterator[Metric]:
        yield from self._own.collect()
        yield CounterMetricFamily(
            "psap_sign_in_failures_total", "Wrong usernames or passwords.", value=self.sign_in_failures
        )


class _Page(Collector):
    """What is to be written, as prometheus-client asks for it."""

    def __init__(self, metrics: list[Metric]) -> None:
        self._metrics = metrics

    def collect(self) -> Iterator[Metric]:
        yield from self._metrics


def told(families: Iterable[Family], figures: Mapping[str, Any]) -> Iterator[Metric]:
    """The metrics of one teller; what it does not tell is left out rather than guessed."""
    for family in families:
        if family.figure in figures and (metric := family.metric(figures[family.figure])) is not None:
            yield metric
