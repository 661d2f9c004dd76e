"""Telephone numbers as carriers send them, made comparable.

``block_key`` is one half of a pair: ``[psap-normalise]`` in the dialplan is the other, and
``tests/shared/number_cases.json`` holds both to the same answers. Its rule is therefore kept as
simple as a dialplan can say it; phonenumbers is used only for what people read.
"""

from __future__ import annotations

import re
import unicodedata

import phonenumbers

from psap.calls.model import Caller, CallerKind

LONGEST_KEY = 15  # digits in an E.164 number
_SIMLESS = re.compile(r"911[0-9]{14,16}")  # of the digits alone: carriers put hyphens and blanks anywhere
_AS_SENT = re.compile(r"911-?[0-9]{14,16}")
_TYPED = re.compile(r"[ .()\[\]-]*\+*[0-9 .()\[\]-]*")
_BETWEEN = {"Zs", "Pd", "Cf"}  # blanks, hyphens and marks that nobody sees, as programs write and copy them
_NOT_DIGITS = re.compile(r"[^0-9]")
_KINDS = {
    phonenumbers.PhoneNumberType.MOBILE: CallerKind.MOBILE,
    phonenumbers.PhoneNumberType.FIXED_LINE: CallerKind.LANDLINE,
    phonenumbers.PhoneNumberType.FIXED_LINE_OR_MOBILE: CallerKind.MOBILE,
}


def block_key(raw: str | None, area_code: str) -> str | None:
    """The key under which a number is blocked and remembered; None for whom nobody can block.

    ``area_code`` is the city's with its 0. SIM-less, withheld (no digits) and impossible numbers
    (more than 15 digits) have no key: an unclear identity is let through.
    """
    digits = _NOT_DIGITS.sub("", raw or "")
    if _SIMLESS.fullmatch(digits):
        return None
    if len(digits) > 2 and digits.startswith("00"):
        digits = digits[2:]
    if digits.startswith("62") or not digits:
        key = digits
    elif len(digits) > 1 and digits.startswith("0"):
        key = f"62{digits[1:]}"
    elif 5 <= len(digits) <= 8:
        key = f"62{area_code.lstrip('0')}{digits}"
    else:
        key = digits
    return key if 0 < len(key) <= LONGEST_KEY else None


def is_one_number(text: str) -> bool:
    """Whether a person wrote one number: digits, a + in front, blanks, hyphens, dots and brackets between.

    ``block_key`` takes a carrier's word and drops what is no digit. Of what a person wrote nothing may be
    dropped that stood for something, or somebody else is held off: digits of another script, a letter, the
    slash between two numbers, the stars of a number that is not shown whole.
    """
    if not text.isascii():
        text = "".join(" " if unicodedata.category(each) in _BETWEEN else each for each in text)
    return _TYPED.fullmatch(text.replace("\t", " ")) is not None


def normalise(raw: str | None, presentation: str | None, area_code: str) -> Caller:
    """Who calls, from what the carrier sent. ``presentation`` is ``allowed`` or ``withheld``.

    A withheld number that the carrier passes on all the same is kept for the call-back (an
    emergency centre may have it), but its kind stays withheld: it has no reputation.
    """
    text = (raw or "").strip()
    withheld = presentation == "withheld"
    shown = presentation if presentation in ("allowed", "withheld") else None
    digits = _NOT_DIGITS.sub("", text)
    if _SIMLESS.fullmatch(digits):
        number = text.removeprefix("+")
        number = number if _AS_SENT.fullmatch(number) else digits
        return Caller(number=number, presentation=shown, kind=CallerKind.SIMLESS)
    if not digits:
        anonymous = withheld or text.lower() in ("anonymous", "restricted", "private")
        return Caller(
            presentation="withheld" if anonymous else shown,
            kind=CallerKind.WITHHELD if anonymous else CallerKind.UNKNOWN,
        )
    number = ("+" if text.startswith("+") else "") + digits[:32]
    key = block_key(text, area_code)
    e164, kind = _read(key)
    return Caller(
        number=number,
        e164=e164,
        presentation=shown,
        kind=CallerKind.WITHHELD if withheld else kind,
    )


def caller_key(caller: Caller, area_code: str) -> str | None:
    """The block key of a caller; None without a usable identity."""
    if caller.kind in (CallerKind.WITHHELD, CallerKind.SIMLESS):
        return None
    return block_key(caller.number, area_code)


def _read(key: str | None) -> tuple[str | None, CallerKind]:
    if key is None:
        return None, CallerKind.UNKNOWN
    if len(key) <= 4:
        return None, CallerKind.SHORT
    try:
        number = phonenumbers.parse(f"+{key}")
    except phonenumbers.NumberParseException:
        return None, CallerKind.UNKNOWN
    if not phonenumbers.is_possible_number(number):
        return None, CallerKind.UNKNOWN
    kind = _KINDS.get(phonenumbers.number_type(number))
    if kind is None and key.startswith("62"):
        # new Indonesian ranges are in use before any library knows them
        kind = CallerKind.MOBILE if key.startswith("628") else CallerKind.LANDLINE
    return f"+{key}", kind or CallerKind.UNKNOWN


def mask(number: str | None) -> str:
    """A number as it may stand where not everybody may read it: ``0812***90``."""
    if not number:
        return "-"
    return f"{number[:4]}***{number[-2:]}" if len(number) > 7 else "***"
