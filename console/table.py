"""The route table: one line says method, path, who may, what goes in, what comes out, in two languages.

From this one table routes are registered, bodies and queries validated, roles enforced and the
OpenAPI document made, so that the four can never tell different stories.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, Generic, TypeVar

from aiohttp import web
from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field

from console.parts import Parts
from console.problem import Problem
from psap.accounts.model import Permission, Role, User, allowed
from psap.platform.audit import Action
from psap.platform.clock import to_us

BodyT = TypeVar("BodyT")
QueryT = TypeVar("QueryT")

API = "/api/v1"
_ID = re.compile(r"[0-9a-f-]{36}")

PUBLIC: frozenset[Role] = frozenset()  # nobody needs to sign in
EVERYONE = frozenset(Role)


def who_may(permission: Permission) -> frozenset[Role]:
    """The roles that have a permission (psap/accounts/model.py decides)."""
    return frozenset(role for role in Role if allowed(role, permission))


class Body(BaseModel):
    """Base of every request body and query: unknown fields are a mistake worth telling."""

    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True)


class Paging(Body):
    """How much of a list, and from where."""

    limit: int = Field(100, ge=1, le=500)
    cursor: str | None = Field(None, max_length=256)


def _in_calendar(moment: datetime) -> datetime:
    """Refuse what only its offset carries out of the years 1 to 9999: nothing could be reckoned with it."""
    to_us(moment)
    return moment


Moment = Annotated[AwareDatetime, AfterValidator(_in_calendar)]  # a time in a body or query


class Nothing(BaseModel):
    """No body."""


@dataclass(slots=True)
class Ask(Generic[BodyT, QueryT]):
    """One request: who asks, the validated body and query, and the parts that can answer."""

    request: web.Request
    parts: Parts
    user: User
    body: BodyT
    query: QueryT

    @property
    def id(self) -> str:
        """The ``{id}`` of the path; what is no id of ours names nothing.

        Raises:
            Problem: not_found.
        """
        given = self.request.match_info["id"]
        if not _ID.fullmatch(given):
            raise Problem("not_found")
        return given


Handler = Callable[[Ask[Any, Any]], Awaitable[Any]]


@dataclass(frozen=True, slots=True)
class Route:
    """One line of the table. ``roles`` empty: nobody needs to sign in."""

    method: str
    path: str
    roles: frozenset[Role]
    summary: tuple[str, str]  # Indonesian, English
    handler: Handler
    body: type[BaseModel] | None = None
    body_optional: bool = False
    query: type[BaseModel] | None = None
    answer: type[BaseModel] | None = None
    status: int = 200
    problems: tuple[str, ...] = ()
    headers: tuple[str, ...] = ()  # request headers that matter
    content_type: str = "application/json"
    views: Action | None = None  # what the audit calls looking at this; None: it shows nobody's data
    unenrolled: bool = False  # open also to who must set up a second factor first


class RouteTable:
    """The routes of one feature."""

    def __init__(self, tag: str) -> None:
        self.tag = tag
        self.routes: list[Route] = []

    def add(
        self,
        method: str,
        path: str,
        *,
        roles: frozenset[Role],
        summary: tuple[str, str],
        body: type[BaseModel] | None = None,
        body_optional: bool = False,
        query: type[BaseModel] | None = None,
        answer: type[BaseModel] | None = None,
        status: int = 200,
        problems: tuple[str, ...] = (),
        headers: tuple[str, ...] = (),
        content_type: str = "application/json",
        views: Action | None = None,
        unenrolled: bool = False,
    ) -> Callable[[Handler], Handler]:
        """Put the decorated handler into the table."""

        def put(handler: Handler) -> Handler:
            self.routes.append(
                Route(
                    method,
                    path,
                    roles,
                    summary,
                    handler,
                    body,
                    body_optional,
                    query,
                    answer,
                    status,
                    problems,
                    headers,
                    content_type,
                    views,
                    unenrolled,
                )
            )
            return handler

        return put
