"""SIPp scenarios for a carrier's caller and a desk phone, steered while they run.

A running scenario is steered by SIP MESSAGEs that carry its Call-ID and a header ``X-Do``; it
tells what happens in lines of its log: ``WORD SECONDS MICROSECONDS [key=value]...``.
"""

from __future__ import annotations

from dataclasses import dataclass, field

_FAILURES = (
    302,
    400,
    401,
    403,
    404,
    406,
    407,
    408,
    410,
    415,
    420,
    480,
    482,
    484,
    486,
    488,
    500,
    501,
    503,
    600,
    603,
)


@dataclass(frozen=True, slots=True)
class CallerPlan:
    """What a caller's INVITE says. Texts go on the wire as they are, hostile ones too."""

    address: str
    port: int
    media_port: int
    target: str  # host:port of the PBX
    dialled: str = "112"
    from_header: bytes = b""  # the whole value of From without its tag
    headers: tuple[bytes, ...] = ()  # further header lines, e.g. P-Asserted-Identity
    alaw: bool = False
    sdp: bool = True
    events: bool = True  # offers RFC 4733


@dataclass(frozen=True, slots=True)
class PhonePlan:
    """A desk phone's own address and account."""

    address: str
    port: int
    media_port: int
    username: str
    password: str = field(repr=False)
    domain: str
    target: str


_OK = "\n".join(
    [
        "SIP/2.0 200 OK",
        *(f"[last_{name}:]" for name in ("Via", "From", "To", "Call-ID", "CSeq")),
        "Content-Length: 0\n",
    ]
)
_BODILESS = "Content-Length: 0\n"


def _document(name: str, body: str) -> str:
    return (
        '<?xml version="1.0" encoding="UTF-8" ?>\n<!DOCTYPE scenario SYSTEM "sipp.dtd">\n'
        f'<scenario name="{name}">\n{body}</scenario>\n'
    )


def _tell(word: str, *fields: str) -> str:
    rest = "".join(" " + item for item in fields)
    return f'<gettimeofday assign_to="s,us"/><log message="{word} [$s] [$us]{rest}"/>\n'


def _recv(what: str, *, optional: bool = False, goto: str = "", actions: str = "", more: str = "") -> str:
    kind = "response" if what.isdigit() else "request"
    attributes = (
        f'{kind}="{what}"' + (' optional="true"' if optional else "") + (f' next="{goto}"' if goto else "")
    )
    if actions:
        return f"<recv {attributes} {more}><action>{actions}</action></recv>\n"
    return f"<recv {attributes} {more}/>\n"


def _send(text: str, more: str = "") -> str:
    return f"<send {more}><![CDATA[\n{text}\n]]></send>\n"


def _order(words: tuple[str, ...]) -> str:
    """Wait for an order and go to the label of its word."""
    actions = '<ereg regexp="[a-z]+" search_in="hdr" header="X-Do:" assign_to="do"/>'
    actions += '<ereg regexp="[^ ]+" search_in="hdr" header="X-Arg:" assign_to="arg"/>'
    actions += '<ereg regexp="[0-9]+" search_in="hdr" header="X-CSeq:" assign_to="n"/>'
    for word in words:
        actions += f'<strcmp assign_to="cmp_{word}" variable="do" value="{word}"/>'
        actions += f'<test assign_to="is_{word}" variable="cmp_{word}" compare="equal" value="0"/>'
    steps = _recv("MESSAGE", actions=actions)
    for word in words:
        steps += f'<nop next="{word}" test="is_{word}"/>\n'
    return steps


def _sdp(address: str, media_port: int, formats: str, *, events: bool = True) -> str:
    maps = {"0": "PCMU", "8": "PCMA"}
    lines = [f"a=rtpmap:{kind} {maps[kind]}/8000" for kind in formats.split()]
    return "\n".join(
        [
            "Content-Type: application/sdp",
            "Content-Length: [len]",
            "",
            "v=0",
            f"o=- 112 112 IN IP4 {address}",
            "s=-",
            f"c=IN IP4 {address}",
            "t=0 0",
            f"m=audio {media_port} RTP/AVP {formats}" + (" 101" if events else ""),
            *lines,
            *(["a=rtpmap:101 telephone-event/8000", "a=fmtp:101 0-15"] if events else []),
            "a=ptime:20",
            "a=sendrecv",
        ]
    )


_MEDIA = (
    '<ereg regexp="c=IN IP4 ([0-9.]+)" search_in="body" assign_to="c,ip"/>'
    '<ereg regexp="m=audio ([0-9]+)" search_in="body" assign_to="m,mport"/>'
)
_WAIT_SPARE = "do,arg,n,c,ip,m,mport,s,us"


def caller(plan: CallerPlan, words: tuple[str, ...] = ("bye", "info", "cancel")) -> bytes:
    """A citizen's call as a carrier delivers it. Orders: bye, cancel, info (X-Arg is the key)."""
    to = f"<sip:{plan.dialled}@{plan.target}>"
    extra = b"".join(b"\n" + line for line in plan.headers).decode("latin-1")
    sender = plan.from_header.decode("latin-1")
    via = f"Via: SIP/2.0/UDP {plan.address}:{plan.port};branch="
    common = f"Max-Forwards: 70\nFrom: {sender};tag=[pid]psap\nTo: {to}"
    contact = f"Contact: <sip:carrier@{plan.address}:{plan.port}>"
    formats = "8" if plan.alaw else "0"
    sdp = "\nContent-Length: 0\n"
    if plan.sdp:
        sdp = "\n" + _sdp(plan.address, plan.media_port, formats, events=plan.events)
    start = f"sip:{plan.dialled}@{plan.target}"
    invite = (
        f"INVITE {start} SIP/2.0\n{via}z9hG4bKpsap-invite-[pid]\n{common}\nCall-ID: [call_id]\n"
        f"CSeq: 1 INVITE\n{contact}\nAllow: INVITE, ACK, CANCEL, BYE, INFO{extra}{sdp}"
    )

    def later(method: str, cseq: str, body: str = "Content-Length: 0\n") -> str:
        return (
            f"{method} [next_url] SIP/2.0\n{via}[branch]\n[routes]\nMax-Forwards: 70\n"
            f"From: {sender};tag=[pid]psap\nTo: {to}[peer_tag_param]\nCall-ID: [call_id]\n"
            f"CSeq: {cseq} {method}\n{contact}\n{body}"
        )

    refused = (
        f"ACK {start} SIP/2.0\n{via}z9hG4bKpsap-invite-[pid]\nMax-Forwards: 70\n"
        f"From: {sender};tag=[pid]psap\nTo: {to}[peer_tag_param]\nCall-ID: [call_id]\n"
        f"CSeq: 1 ACK\n{_BODILESS}"
    )
    cancel = (
        f"CANCEL {start} SIP/2.0\n{via}z9hG4bKpsap-invite-[pid]\n{common}\nCall-ID: [call_id]\n"
        "CSeq: 1 CANCEL\nContent-Length: 0\n"
    )
    signal = "Content-Type: application/dtmf-relay\nContent-Length: [len]\n\nSignal=[$arg]\nDuration=160"
    failures = "".join(
        _recv(str(code), optional=True, goto="refused", actions=_tell("failed", f"status={code}"))
        for code in _FAILURES
    )
    body = "<nop><action>" + _tell("sent") + "</action></nop>\n"
    body += _send(invite, 'retrans="500"')
    body += '<label id="early"/>\n'
    body += _recv("100", optional=True, goto="early", actions=_tell("trying"))
    body += _recv("180", optional=True, goto="early", actions=_tell("ringing"))
    body += _recv("183", optional=True, goto="early", actions=_tell("progress"))
    body += failures
    body += _recv("MESSAGE", optional=True, goto="cancel")
    body += _recv("200", more='rrs="true"', actions=_MEDIA + _tell("answered", "ip=[$ip]", "port=[$mport]"))
    body += _send(later("ACK", "1"))
    body += '<label id="wait"/>\n' + _recv("BYE", optional=True, goto="byed", actions=_tell("bye"))
    body += _order(words) + '<nop next="wait"/>\n'
    body += '<label id="info"/>\n' + _send(later("INFO", "[$n]", signal), 'retrans="500"')
    body += _recv("BYE", optional=True, goto="byed", actions=_tell("bye"))
    for code in (415, 481, 488, 500):
        body += _recv(str(code), optional=True, goto="wait", actions=_tell("info-refused", f"status={code}"))
    body += _recv("200", goto="wait", actions=_tell("info-ok"))
    body += '<label id="bye"/>\n<nop><action>' + _tell("hangup") + "</action></nop>\n"
    body += _send(later("BYE", "[$n]"), 'retrans="500"')
    body += _recv("BYE", optional=True, goto="byed")
    body += _recv("481", optional=True, goto="end", actions=_tell("ended"))
    body += _recv("200", goto="end", actions=_tell("ended"), more='timeout="4000" ontimeout="end"')
    body += (
        '<label id="byed"/>\n'
        + _send(_OK)
        + "<nop><action>"
        + _tell("ended")
        + '</action></nop>\n<nop next="end"/>\n'
    )
    body += '<label id="cancel"/>\n<nop><action>' + _tell("hangup") + "</action></nop>\n"
    body += _send(cancel, 'retrans="500"')
    body += _recv("200", optional=True) + _recv("487", more='timeout="4000" ontimeout="end"')
    body += '<label id="refused"/>\n' + _send(refused)
    body += "<nop><action>" + _tell("ended") + '</action></nop>\n<label id="end"/>\n'
    return (_document("caller", body + _spare(words))).encode("latin-1")


def _spare(words: tuple[str, ...], more: str = "") -> str:
    names = [_WAIT_SPARE, *(f"cmp_{word},is_{word}" for word in words)]
    return f'<Reference variables="{",".join(names)}{more}"/>\n'


def phone(plan: PhonePlan, words: tuple[str, ...] = ("answer", "reject", "bye")) -> bytes:
    """A desk phone that waits for calls. Orders: answer, reject, bye."""
    keep = "".join(
        f'<ereg regexp=".*" search_in="hdr" header="{header}:" assign_to="{name}"/>'
        for header, name in (
            ("Via", "via"),
            ("From", "from"),
            ("To", "to"),
            ("CSeq", "cseq"),
            ("Contact", "con"),
        )
    )
    keep += '<ereg regexp="sip:[^>]+" search_in="hdr" header="Contact:" assign_to="url"/>'
    head = "Via:[$via]\nFrom:[$from]\nTo:[$to];tag=[pid]phone[call_number]\nCall-ID: [call_id]\nCSeq:[$cseq]"
    contact = f"Contact: <sip:{plan.username}@{plan.address}:{plan.port}>"
    bye = (
        f"BYE [$url] SIP/2.0\nVia: SIP/2.0/UDP {plan.address}:{plan.port};branch=[branch]\nMax-Forwards: 70\n"
        "From:[$to];tag=[pid]phone[call_number]\nTo:[$from]\nCall-ID: [call_id]\nCSeq: [$n] BYE\n" + _BODILESS
    )
    who = '<ereg regexp="[0-9A-Za-z%+_.-]*@" search_in="hdr" header="From:" assign_to="who"/>'
    body = _recv("OPTIONS", optional=True, goto="polite") + _recv("NOTIFY", optional=True, goto="polite")
    body += _recv(
        "INVITE",
        actions=keep
        + who
        + _MEDIA
        + _tell("invite", "id=[call_id]", "ip=[$ip]", "port=[$mport]", "from=[$who]"),
    )
    body += _send(f"SIP/2.0 180 Ringing\n{head}\n{contact}\nContent-Length: 0\n")
    body += '<label id="early"/>\n'
    body += _recv("CANCEL", optional=True, goto="cancelled", actions=_tell("cancel", "id=[call_id]"))
    body += _order(words) + '<nop next="early"/>\n'
    body += '<label id="answer"/>\n'
    body += _send(
        f"SIP/2.0 200 OK\n{head}\n{contact}\n{_sdp(plan.address, plan.media_port, '0')}", 'retrans="500"'
    )
    body += _recv("CANCEL", optional=True, goto="polite", actions=_tell("ended", "id=[call_id]"))
    body += _recv("BYE", optional=True, goto="byed", actions=_tell("bye", "id=[call_id]"))
    body += _recv("ACK", actions=_tell("acked", "id=[call_id]"))
    body += '<label id="talk"/>\n' + _recv(
        "BYE", optional=True, goto="byed", actions=_tell("bye", "id=[call_id]")
    )
    body += _order(words) + '<nop next="talk"/>\n'
    body += '<label id="bye"/>\n<nop><action>' + _tell("hangup", "id=[call_id]") + "</action></nop>\n"
    body += _send(bye, 'retrans="500"') + _recv("BYE", optional=True, goto="byed")
    body += _recv("481", optional=True, goto="end", actions=_tell("ended", "id=[call_id]"))
    body += _recv(
        "200", goto="end", actions=_tell("ended", "id=[call_id]"), more='timeout="4000" ontimeout="end"'
    )
    body += '<label id="byed"/>\n' + _send(_OK)
    body += "<nop><action>" + _tell("ended", "id=[call_id]") + '</action></nop>\n<nop next="end"/>\n'
    body += '<label id="reject"/>\n'
    body += _send(f"SIP/2.0 486 Busy Here\n{head}\nContent-Length: 0\n", 'retrans="500"')
    body += _recv("ACK", goto="end", actions=_tell("ended", "id=[call_id]"))
    body += '<label id="cancelled"/>\n' + _send(_OK)
    body += _send(f"SIP/2.0 487 Request Terminated\n{head}\nContent-Length: 0\n", 'retrans="500"')
    body += _recv("ACK", goto="end", actions=_tell("ended", "id=[call_id]"))
    body += '<label id="polite"/>\n' + _send(_OK) + '<label id="end"/>\n'
    return _document("phone", body + _spare(words, ",via,from,to,cseq,con,url,who")).encode("latin-1")


def register(plan: PhonePlan, expires: int) -> bytes:
    """One REGISTER with digest; ``expires`` 0 takes the phone off."""
    account = f"sip:{plan.username}@{plan.domain}"

    def request(cseq: int, extra: str) -> str:
        return (
            f"REGISTER sip:{plan.domain} SIP/2.0\n"
            f"Via: SIP/2.0/UDP {plan.address}:{plan.port};branch=[branch]\n"
            f"Max-Forwards: 70\nFrom: <{account}>;tag=[pid]reg\nTo: <{account}>\nCall-ID: [call_id]\n"
            f"CSeq: {cseq} REGISTER\nContact: <sip:{plan.username}@{plan.address}:{plan.port}>\n"
            f"Expires: {expires}{extra}\nContent-Length: 0\n"
        )

    body = _send(request(1, ""), 'retrans="500"')
    body += (
        _recv("100", optional=True)
        + _recv("200", optional=True, goto="end")
        + _recv("401", more='auth="true"')
    )
    credentials = f"\n[authentication username={plan.username} password={plan.password}]"
    body += _send(request(2, credentials), 'retrans="500"')
    body += _recv("100", optional=True) + _recv("200") + '<label id="end"/>\n'
    return _document("register", body).encode("latin-1")
