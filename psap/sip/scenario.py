"""The SIPp scenario behind every telephone here: one process speaks for many.

It is steered while it runs by SIP MESSAGEs with a header ``X-Do``: one with a new Call-ID
dials or registers, one with a call's own Call-ID answers, rejects, cancels, sends an INFO or hangs up. What
happens is told in lines of its log: ``WORD SECONDS MICROSECONDS id=CALL-ID [key=value]...``.
Texts of a caller come in as header values, so hostile ones are never taken for SIPp's own words.
"""

from __future__ import annotations

_REFUSALS = (
    *(302, 400, 401, 403, 404, 406, 407, 408, 410, 415, 416, 420, 480),
    *(482, 484, 486, 488, 500, 501, 503, 600, 603),
)
_WORDS = ("dial", "register", "answer", "reject", "forward", "info", "hold", "bye")
_ARGUMENTS = {
    "arg": "X-Arg", "host": "X-Host", "port": "X-Port", "uri": "X-Uri", "from": "X-From", "to": "X-To",
    "extra": "X-Extra", "user": "X-User", "pass": "X-Pass",
}  # fmt: skip
_OK = "\n".join(
    [
        "SIP/2.0 200 OK",
        *(f"[last_{n}:]" for n in ("Via", "From", "To", "Call-ID", "CSeq")),
        "Content-Length: 0\n",
    ]
)


def _tell(word: str, fields: str = "") -> str:
    return (
        '<gettimeofday assign_to="s,us"/>'
        f'<log message="{word} [$s] [$us] id=[call_id]{" " + fields if fields else ""}"/>\n'
    )


def _nop(word: str) -> str:
    return f"<nop><action>{_tell(word)}</action></nop>\n"


def _recv(what: str, *, optional: bool = False, goto: str = "", actions: str = "", more: str = "") -> str:
    kind = "response" if what.isdigit() else "request"
    attributes = f'{kind}="{what}"'
    attributes += ' optional="true"' if optional else ""
    attributes += f' next="{goto}"' if goto else ""
    inner = f"<action>{actions}</action>" if actions else ""
    return f"<recv {attributes} {more}>{inner}</recv>\n"


def _maybe(what: str, goto: str, actions: str = "") -> str:
    return _recv(what, optional=True, goto=goto, actions=actions)


def _send(text: str, *, resend: bool = False) -> str:
    more = ' retrans="500"' if resend else ""
    return f"<send{more}><![CDATA[\n{text}\n]]></send>\n"


def _label(name: str) -> str:
    return f'<label id="{name}"/>\n'


def _goto(label: str) -> str:
    return f'<nop next="{label}"/>\n'


def _take(name: str, header: str, pattern: str = "[^ ].*") -> str:
    return f'<ereg regexp="{pattern}" search_in="hdr" header="{header}:" assign_to="{name}"/>'


def _order(words: tuple[str, ...], *, first: bool = False) -> str:
    """Wait for an order and go to the label of its word."""
    names = _ARGUMENTS if first else {"arg": "X-Arg"}
    actions = _take("do", "X-Do", "[a-z]+") + _take("n", "X-CSeq", "[0-9]+")
    actions += "".join(_take(name, header) for name, header in names.items())
    for word in words:
        actions += f'<strcmp assign_to="cmp_{word}" variable="do" value="{word}"/>'
        actions += f'<test assign_to="is_{word}" variable="cmp_{word}" compare="equal" value="0"/>'
    if first:
        actions += '<setdest host="[$host]" port="[$port]" protocol="udp"/>'
    steps = _recv("MESSAGE", actions=actions)
    return steps + "".join(f'<nop next="{word}" test="is_{word}"/>\n' for word in words)


_MEDIA = (
    '<ereg regexp="c=IN IP4 ([0-9.]+)" search_in="body" assign_to="c,ip"/>'
    '<ereg regexp="m=audio ([0-9]+)" search_in="body" assign_to="m,mport"/>'
)
_HEARD = "ip=[$ip] port=[$mport]"


def _sdp(address: str, formats: str) -> str:
    """A description whose port and further formats come from the order (``PORT PAYLOADS``)."""
    return (
        "Content-Type: application/sdp\nContent-Length: [len]\n\n"
        f"v=0\no=- 112 112 IN IP4 {address}\ns=-\nc=IN IP4 {address}\nt=0 0\nm=audio {formats}\n"
        "a=rtpmap:0 PCMU/8000\na=rtpmap:8 PCMA/8000\na=rtpmap:101 telephone-event/8000\na=fmtp:101 0-15\n"
        "a=ptime:20\na=sendrecv"
    )


def _dialling(address: str, port: int) -> str:
    via = f"Via: SIP/2.0/UDP {address}:{port};branch="
    contact = f"Contact: <sip:line@{address}:{port}>"
    rest = "Call-ID: [call_id]\nCSeq: {} {}\n"

    def first(method: str, cseq_method: str, to: str, tail: str) -> str:
        return (
            f"{method} [$uri] SIP/2.0\n{via}z9hG4bK-[call_id]\nMax-Forwards: 70\n"
            f"From: [$from];tag=[call_number]psap\nTo: {to}\n" + rest.format(1, cseq_method) + tail
        )

    def later(method: str, cseq: str, tail: str = "Content-Length: 0\n") -> str:
        return (
            # SIPp's own [branch] is the same each time a step is taken: the second INFO would be a repetition
            f"{method} [$url] SIP/2.0\n{via}z9hG4bK-[call_id]-{cseq}\nMax-Forwards: 70\n"
            "From: [$from];tag=[call_number]psap\n"
            "To: [$ptag]\n" + rest.format(cseq, method) + contact + "\n" + tail
        )

    empty = "Content-Length: 0\n"
    body = _label("dial") + _nop("sent")
    invite = f"{contact}\nAllow: INVITE, ACK, CANCEL, BYE, INFO\n[$extra]\n" + _sdp(address, "[$arg]")
    body += _send(first("INVITE", "INVITE", "[$to]", invite), resend=True) + _label("early")
    body += _maybe("100", "early", _tell("trying"))
    body += _maybe("180", "early", _tell("ringing")) + _maybe("183", "early", _tell("progress"))
    keep = _take("ptag", "To")
    body += "".join(_maybe(str(c), "refused", keep + _tell("failed", f"status={c}")) for c in _REFUSALS)
    body += _maybe("MESSAGE", "cancel")
    url = '<ereg regexp="sip:[^>]+" search_in="hdr" header="Contact:" assign_to="url"/>'
    body += _recv("200", actions=keep + url + _MEDIA + _tell("answered", _HEARD)) + _send(later("ACK", "1"))
    body += _nop("ready") + _goto("talk")
    body += _label("info")
    signal = "Content-Type: application/dtmf-relay\nContent-Length: [len]\n\nSignal=[$arg]\nDuration=160"
    body += _send(later("INFO", "[$n]", signal), resend=True)
    body += _maybe("BYE", "byed", _tell("bye"))
    body += "".join(
        _maybe(str(c), "talk", _tell("info-refused", f"status={c}")) for c in (415, 481, 488, 500)
    )
    body += _recv("200", goto="talk", actions=_tell("info-ok"))
    held = _sdp(address, "[$arg]").replace("sendrecv", "sendonly").replace("112 112", "112 113")
    body += _label("hold") + _send(later("INVITE", "[$n]", f"{contact}\n{held}"), resend=True)
    body += _recv("100", optional=True) + _maybe("BYE", "byed", _tell("bye")) + _recv("200")
    body += _send(later("ACK", "[$n]").replace("-[$n]\n", "-[$n]a\n")) + _goto("talk")
    body += _label("cancel") + _nop("hangup")
    body += _send(first("CANCEL", "CANCEL", "[$to]", empty), resend=True) + _recv("200", optional=True)
    body += _recv("487", actions=keep, more='timeout="4000" ontimeout="end"')
    body += _label("refused") + _send(first("ACK", "ACK", "[$ptag]", empty)) + _nop("ended") + _goto("end")
    return body


def _answering(address: str, port: int) -> str:
    contact = f"Contact: <sip:line@{address}:{port}>"
    head = "Via: [$via]\nFrom: [$from]\nTo: [$to];tag=[call_number]phone\nCall-ID: [call_id]\nCSeq: [$cseq]"
    body = _label("incoming") + _send(f"SIP/2.0 180 Ringing\n{head}\n{contact}\nContent-Length: 0\n")
    body += _nop("ready") + _label("rings") + _maybe("CANCEL", "cancelled", _tell("cancel"))
    body += _order(("answer", "reject", "forward")) + _goto("rings")
    body += _label("answer") + _send(
        f"SIP/2.0 200 OK\n{head}\n{contact}\n" + _sdp(address, "[$arg]"), resend=True
    )
    body += _maybe("CANCEL", "acking") + _maybe("BYE", "byed", _tell("bye"))
    body += _recv("ACK", actions=_tell("acked"), goto="talk")
    # a CANCEL that crossed our 200 changes nothing: the other side hangs up with BYE
    body += _label("acking") + _send(_OK) + _maybe("BYE", "byed", _tell("bye"))
    body += _recv("ACK", actions=_tell("acked"), goto="talk")
    body += _label("reject") + _send(f"SIP/2.0 486 Busy Here\n{head}\nContent-Length: 0\n", resend=True)
    body += _recv("ACK") + _nop("rejected") + _goto("end")
    body += _label("forward") + _send(
        f"SIP/2.0 302 Moved Temporarily\n{head}\nContact: <[$arg]>\nContent-Length: 0\n", resend=True
    )
    body += _recv("ACK") + _nop("rejected") + _goto("end")
    body += _label("cancelled") + _send(_OK)
    body += _send(f"SIP/2.0 487 Request Terminated\n{head}\nContent-Length: 0\n", resend=True)
    body += _recv("ACK") + _goto("end")
    return body


def _registering(address: str, port: int) -> str:
    def request(cseq: int, extra: str) -> str:
        return (
            f"REGISTER [$uri] SIP/2.0\nVia: SIP/2.0/UDP {address}:{port};branch=[branch]\nMax-Forwards: 70\n"
            f"From: [$from];tag=[call_number]reg\nTo: [$from]\nCall-ID: [call_id]\nCSeq: {cseq} REGISTER\n"
            f"Contact: <sip:[$user]@{address}:{port}>\nExpires: [$arg]\n{extra}Content-Length: 0\n"
        )

    refusals = "".join(_maybe(str(c), "end", _tell("refused", f"status={c}")) for c in (403, 404, 500, 503))
    granted = '<ereg regexp="expires=([0-9]+)" search_in="hdr" header="Contact:" assign_to="g,granted"/>'
    granted += _tell("registered", "expires=[$granted]")
    body = _label("register") + _send(request(1, ""), resend=True) + _recv("100", optional=True) + refusals
    body += _maybe("200", "end", granted) + _recv("401", more='auth="true"')
    body += _send(request(2, "[authentication username=[$user] password=[$pass]]\n"), resend=True)
    body += _recv("100", optional=True) + refusals + _maybe("401", "end", _tell("refused", "status=401"))
    return body + _recv("200", goto="end", actions=granted)


def _hanging_up(address: str, port: int) -> str:
    """The common end of a conversation. ``role``: the caller's tags or the phone's."""
    via = f"Via: SIP/2.0/UDP {address}:{port};branch=[branch]\nMax-Forwards: 70\n"
    tail = "Call-ID: [call_id]\nCSeq: [$n] BYE\nContent-Length: 0\n"
    body = _label("talk") + _maybe("BYE", "byed", _tell("bye")) + _maybe("ACK", "talk")
    body += _order(("bye", "info", "hold")) + _goto("talk")
    body += _label("bye") + _nop("hangup") + '<nop next="bye_phone" test="is_phone"/>\n'
    ours = "From: [$from];tag=[call_number]psap\nTo: [$ptag]\n"
    theirs = "From: [$to];tag=[call_number]phone\nTo: [$from]\n"
    body += _send(f"BYE [$url] SIP/2.0\n{via}{ours}{tail}", resend=True) + _goto("bye_sent")
    body += _label("bye_phone") + _send(f"BYE [$url] SIP/2.0\n{via}{theirs}{tail}", resend=True)
    body += _label("bye_sent") + _maybe("BYE", "byed") + _maybe("481", "end", _tell("ended"))
    body += _recv("200", goto="end", actions=_tell("ended"), more='timeout="4000" ontimeout="end"')
    return body + _label("byed") + _send(_OK) + _nop("ended") + _goto("end")


def lines(address: str, port: int) -> bytes:
    """The scenario of all telephones at ``address:port``."""
    keep = "".join(_take(name, header) for name, header in (("via", "Via"), ("from", "From"), ("to", "To")))
    keep += _take("cseq", "CSeq") + '<assignstr assign_to="role" value="phone"/>'
    keep += '<strcmp assign_to="cmp_phone" variable="role" value="phone"/>'
    keep += '<test assign_to="is_phone" variable="cmp_phone" compare="equal" value="0"/>'
    keep += '<ereg regexp="sip:[^>]+" search_in="hdr" header="Contact:" assign_to="url"/>'
    keep += '<ereg regexp="sip:[^@]+" search_in="msg" assign_to="called"/>'
    who = '<ereg regexp="sips?:[^@;]*" search_in="hdr" header="From:" assign_to="who"/>'
    told = _tell("invite", f"{_HEARD} called=[$called] from=[$who]")
    body = _maybe("OPTIONS", "polite") + _maybe("NOTIFY", "polite")
    body += _maybe("ACK", "end") + _maybe("BYE", "polite")
    body += _maybe("INVITE", "incoming", keep + who + _MEDIA + told)
    # any other order means a call that SIPp gave up before: nobody answered its INVITE
    body += _order(("dial", "register"), first=True) + _nop("ended") + _goto("end")
    body += _dialling(address, port) + _answering(address, port) + _registering(address, port)
    body += _hanging_up(address, port)
    body += _label("polite") + _send(_OK) + _label("end")
    spare = [
        "do",
        "n",
        "c",
        "ip",
        "m",
        "mport",
        "s",
        "us",
        "via",
        "cseq",
        "called",
        "who",
        "ptag",
        "url",
        "role",
        "g",
        "granted",
    ]
    spare += list(_ARGUMENTS) + [f"{kind}_{word}" for word in (*_WORDS, "phone") for kind in ("cmp", "is")]
    body += f'<Reference variables="{",".join(spare)}"/>\n'
    head = '<?xml version="1.0" encoding="ISO-8859-1" ?>\n<!DOCTYPE scenario SYSTEM "sipp.dtd">\n'
    return f'{head}<scenario name="lines">\n{body}</scenario>\n'.encode("latin-1")
