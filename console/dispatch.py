"""From a line of the route table to an aiohttp handler: sign-in, Origin, role, validation, answer."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import structlog
from aiohttp import web
from pydantic import BaseModel, ValidationError

from console.parts import PARTS
from console.problem import FieldError, Problem
from console.security import authenticate, own_origin_or_refuse
from console.table import Ask, Route
from console.viewing import VIEWS
from psap.accounts.model import User

M = TypeVar("M", bound=BaseModel)

USER: web.RequestKey[User] = web.RequestKey("user", User)
CALL: web.RequestKey[str] = web.RequestKey("call", str)  # which call it is about, for the log
CALL_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
WRITES = {"POST", "PUT", "PATCH", "DELETE"}
BODY_SECONDS = 15.0  # for a body of at most BODY_LIMIT


def make_handler(route: Route) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    """The aiohttp handler of one line of the table."""

    async def handle(request: web.Request) -> web.StreamResponse:
        parts = request.app[PARTS]
        note_call(route, request, None)  # a refusal is about that call, too
        user: User | None = None
        if route.roles:
            signed_in = await authenticate(request, parts)
            user = signed_in.user
            request[USER] = user
            # GET as well as POST can be sent by another site with our cookie; only writes change anything
            if signed_in.by_cookie and route.method in WRITES:
                own_origin_or_refuse(request)
            if user.role not in route.roles:
                raise Problem("forbidden")
            if signed_in.identity.must_enrol and not route.unenrolled:
                raise Problem("totp_needed")
        query = validate_query(route.query, request) if route.query else None
        body = await read_body(route, request)
        # a public route has no user and must not touch it
        ask: Ask[Any, Any] = Ask(request, parts, user, body, query)  # type: ignore[arg-type]
        about = {} if note_call(route, request, body) is None else {"call_id": request[CALL]}
        with structlog.contextvars.bound_contextvars(**about):
            answer = as_response(route, await route.handler(ask))
            if route.views is not None and user is not None:
                await request.app[VIEWS].note(ask, route)
        return answer

    return handle


def note_call(route: Route, request: web.Request, body: BaseModel | None) -> str | None:
    """Remember which call a request is about, by its path or its body; only what looks like an id of ours."""
    given = request.match_info.get("id") if route.path.startswith("/calls/") else None
    if given is None:
        given = getattr(body, "call_id", None)
    if isinstance(given, str) and CALL_ID.fullmatch(given):
        request[CALL] = given
    return request.get(CALL)


def as_response(route: Route, answer: Any) -> web.StreamResponse:
    """A handler's answer as HTTP."""
    if isinstance(answer, web.StreamResponse):
        return answer
    if answer is None:
        return web.Response(status=204)
    if isinstance(answer, BaseModel):
        return web.Response(
            text=answer.model_dump_json(), status=route.status, content_type="application/json"
        )
    return web.json_response(answer, status=route.status)


async def read_body(route: Route, request: web.Request) -> BaseModel | None:
    """The validated body; the size limit is the application's ``client_max_size``."""
    if route.body is None:
        return None
    try:
        async with asyncio.timeout(BODY_SECONDS):
            raw = await request.read()
    except TimeoutError:
        # a body that drips in would hold its connection for ever
        raise Problem("slow_body", headers={"Connection": "close"}) from None
    if not raw and route.body_optional:
        return route.body()
    if request.content_type != "application/json":
        raise Problem("not_json")
    return validate_json(route.body, raw)


def validate_json(model: type[M], raw: bytes) -> M:
    """Parse and validate in one go.

    Raises:
        Problem: bad_json, or invalid with the faulty fields (never their values).
    """
    try:
        return model.model_validate_json(raw)
    except ValidationError as error:
        if any(item["type"] == "json_invalid" for item in error.errors(include_input=False)):
            raise Problem("bad_json") from None
        raise invalid(error) from None


def validate_query(model: type[BaseModel], request: web.Request) -> BaseModel:
    """The validated query string."""
    try:
        return model.model_validate(dict(request.query))
    except ValidationError as error:
        raise invalid(error) from None


def invalid(error: ValidationError) -> Problem:
    """422 that names fields and reasons, never values: those may be personal data."""
    found = error.errors(include_input=False, include_context=False, include_url=False)
    errors = [
        # names of unknown fields are the sender's text: cut, and shown as data only
        FieldError(where=".".join(str(part)[:40] for part in item["loc"]) or "body", why=item["msg"][:200])
        for item in found[:20]
    ]
    return Problem("invalid", "; ".join(f"{item.where}: {item.why}" for item in errors), errors=errors)
