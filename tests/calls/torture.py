# ruff: noqa: E501 - messages stand on the line that they are
"""SIP that hurts: messages after RFC 4475 as far as they reach us, and worse.

The texts are our own, written after that document's descriptions; its names are kept. ``@TO@`` is the
address of the PBX, ``@US@`` ours, ``@ID@`` a fresh word (Call-ID, branch, tag), ``@DIALLED@`` a number that
names the call in the records, ``@NUMBER@`` who calls, ``@LEN@`` the body's length. ``MARK`` stands in a stranger's own words.
"""

from __future__ import annotations

from dataclasses import dataclass

MARK = "jahatsip"
SDP = (
    "v=0\r\no=- 1 1 IN IP4 127.0.0.2\r\ns=-\r\nc=IN IP4 127.0.0.2\r\nt=0 0\r\nm=audio 49172 RTP/AVP 0\r\n"
    "a=rtpmap:0 PCMU/8000\r\n"
)


@dataclass(frozen=True)
class Torture:
    """One message. ``pressing``: made by hand to become a call; others may or may not."""

    id: str
    text: bytes


def invite(
    *extra: str, line: str = "INVITE sip:@DIALLED@@@TO@ SIP/2.0", via: str = "Via: SIP/2.0/UDP @US@;branch=z9hG4bK@ID@",
    sender: str = f'From: "{MARK}" <sip:@NUMBER@@@US@>;tag=a@ID@', to: str = "To: <sip:@DIALLED@@@TO@>", call: str = "Call-ID: @ID@",
    cseq: str = "CSeq: 1 INVITE", contact: str = f"Contact: <sip:{MARK}@@US@>", forwards: str = "Max-Forwards: 70",
    length: str = "Content-Length: @LEN@", kind: str = "Content-Type: application/sdp", body: str = SDP,
) -> bytes:  # fmt: skip
    """An INVITE with some of its lines changed; an empty line is left out."""
    lines = [line, via, forwards, sender, to, call, cseq, contact, *extra, kind, length]
    text = "\r\n".join(each for each in lines if each) + "\r\n\r\n"
    return text.encode("utf-8", "surrogateescape") + body.encode("utf-8", "surrogateescape")


def other(method: str, *extra: str, uri: str = "sip:@TO@") -> bytes:
    """A request of another kind, without a body."""
    return invite(
        *extra, line=f"{method} {uri} SIP/2.0", cseq=f"CSeq: 1 {method}", kind="", body="", length="Content-Length: 0"
    )  # fmt: skip


def answer(first: str, *extra: str) -> bytes:
    """A response to nothing."""
    return invite(*extra, line=first, kind="", body="", length="Content-Length: 0")


VALID = [
    Torture(
        "wsinv",
        invite(
            "s :\r\n\t",
            f"NewFangledHeader:   newfangled value\r\n continued {MARK} newfangled value",
            "UnknownHeaderWithUnusualValue: ;;,,;;,;",
            "Route:\r\n <sip:@TO@;lr;unknownwith=value;unknown-no-value>",
            via="v:  SIP  / 2.0  / UDP\r\n    @US@;branch=z9hG4bK@ID@",
            sender=f'From : "{MARK} \\\\\\"" <sip:@NUMBER@@@US@>\r\n ;\r\n tag = a@ID@',
            to="TO :\r\n <sip:@DIALLED@@@TO@>",
            cseq="cseq: 0009\r\n  INVITE",
            forwards="max-forwards:  0068",
            call="Call-ID: @ID@",
            length="l: @LEN@",
            contact=f'm:"Quoted string \\"\\"" <sip:{MARK}@@US@>;newparam =\r\n newvalue',
        ),
    ),
    Torture(
        "intmeth",
        other(
            "!interesting-Method0123456789_*+`.%indeed'~",
            uri="sip:1_unusual.URI~(to-be!sure)&isn't+it$/crazy?,/;;*:&it+has=1,weird!*pas$wo~d_too.(doesn't-it)@@TO@",
        ),
    ),
    Torture(
        "esc01",
        invite(
            line="INVITE sip:sips%3Auser%40example.com@@TO@ SIP/2.0",
            contact="Contact: <sip:cal%6Cer@@US@;%6C%72;n%61me=v%61lue%25%34%31>",
        ),
    ),
    Torture("escnull", other("REGISTER", "Contact: <sip:%00@@US@>", "Contact: <sip:%00%00@@US@>")),
    Torture("esc02", other("RE%47IST%45R", "Contact: <sip:alias1@@US@>")),
    Torture("lwsdisp", other("OPTIONS").replace(f'"{MARK}" <sip'.encode(), b"caller<sip")),
    Torture(
        "longreq",
        invite(
            f"F: sip:{'amazinglylongcallername' * 10}@example.net;tag={'982424' * 30};unknownheaderparam{'lo' * 60}ng{'name' * 60}=unknowheaderparamvalue",
            f"Unknown-{'Long-' * 60}Name: unknown-{'long-' * 60}value",
            *(f"Via: SIP/2.0/TCP sip{n}.example.com" for n in range(33, 0, -1)),
            line=f"INVITE sip:@DIALLED@@@TO@;unknownparam{'verylong' * 40}=x SIP/2.0",
        ),
    ),
    Torture("dblreq", other("REGISTER").replace(b"\r\n\r\n", b"\r\n\r\n", 1) + b"\r\n\r\n" + invite()),
    Torture("semiuri", other("OPTIONS", uri="sip:user;par=u%40example.net@@TO@")),
    Torture(
        "transports",
        other(
            "OPTIONS",
            "Via: SIP/2.0/SCTP t1.example.com;branch=z9hG4bKkdjuw",
            "Via: SIP/2.0/UNKNOWN t6.example.com;branch=z9hG4bKkdjuz",
        ),
    ),
    Torture(
        "mpart01",
        invite(
            kind="Content-Type: multipart/mixed;boundary=7a9cbec02ceef655",
            body=f"--7a9cbec02ceef655\r\nContent-Type: text/plain\r\nContent-Transfer-Encoding: binary\r\n\r\n{MARK}\r\n--7a9cbec02ceef655\r\n"
            f"Content-Type: application/sdp\r\n\r\n{SDP}\r\n--7a9cbec02ceef655\r\nContent-Type: application/octet-stream\r\n\r\n\0\1\2\xff\r\n--7a9cbec02ceef655--\r\n",
        ),
    ),
    Torture(
        "unreason",
        answer(
            "SIP/2.0 200 = 2**3 * 5**2 \u043d\u043e \u0441\u0442\u043e \u0434\u0435\u0432\u044f\u043d\u043e\u0441\u0442\u043e"
        ),
    ),
    Torture("noreason", answer("SIP/2.0 100 ")),
]
INVALID = [
    Torture(
        "badinv01",
        invite(
            f'Contact: "{MARK}" <sip:joe@example.org>;;;;',
            via="Via: SIP/2.0/UDP @US@;;,;,,;branch=z9hG4bK@ID@",
            to="To: sip:@DIALLED@@@TO@;;",
        ),
    ),
    Torture("clerr", invite(length="Content-Length: 9999")),
    Torture("ncl", invite(length="Content-Length: -999")),
    Torture(
        "scalar02",
        other(
            "REGISTER",
            "Expires: 10000000000000000000000000000000",
            "Contact: <sip:x@@US@>;expires=280297596632815",
        )
        .replace(b"CSeq: 1 ", b"CSeq: 36893488147419103232 ")
        .replace(b"Forwards: 70", b"Forwards: 300"),
    ),
    Torture(
        "scalarlg",
        answer(
            "SIP/2.0 503 Service Unavailable",
            "Retry-After: 949302838503028349304023988",
            'Warning: 1812 overture "In Progress"',
        ),
    ),
    Torture("quotbal", invite(to=f'To: "Mr. {MARK} <sip:@DIALLED@@@TO@>')),
    Torture("ltgtruri", invite(line="INVITE <sip:@DIALLED@@@TO@> SIP/2.0")),
    Torture("lwsruri", invite(line="INVITE sip:@DIALLED@@@TO@; lr SIP/2.0")),
    Torture("lwsstart", invite(line="INVITE  sip:@DIALLED@@@TO@  SIP/2.0")),
    Torture("trws", invite(line="INVITE sip:@DIALLED@@@TO@ SIP/2.0  ")),
    Torture("escruri", invite(line="INVITE sip:@DIALLED@@@TO@?Route=%3Csip:example.com%3E SIP/2.0")),
    Torture("baddate", invite("Date: Fri, 01 Jan 2010 16:00:00 EST")),
    Torture("regbadct", other("REGISTER", "Contact: sip:x@@US@?Route=%3Csip:sip.example.com%3E")),
    Torture(
        "badaspec",
        other("OPTIONS")
        .replace(f'"{MARK}" <sip:@NUMBER@'.encode(), f'"Bell, {MARK}" <sip:t.watson'.encode())
        .replace(b"To: <", b'To: "Watson, Thomas" < '),
    ),
    Torture("baddn", other("OPTIONS").replace(f'"{MARK}" <'.encode(), b"I have a user, too <")),
    Torture(
        "badvers",
        invite(line="INVITE sip:@DIALLED@@@TO@ SIP/7.0", via="Via: SIP/7.0/UDP @US@;branch=z9hG4bK@ID@"),
    ),
    Torture("mismatch01", other("OPTIONS").replace(b"CSeq: 1 OPTIONS", b"CSeq: 8 INVITE")),
    Torture("mismatch02", other("NEWMETHOD").replace(b"CSeq: 1 NEWMETHOD", b"CSeq: 8 INVITE")),
    Torture("bigcode", answer("SIP/2.0 4294967301 better not break the receiver")),
    Torture("badbranch", other("OPTIONS").replace(b"branch=z9hG4bK@ID@", b"branch=z9hG4bK")),
    Torture(
        "insuf",
        b"INVITE sip:@DIALLED@@@TO@ SIP/2.0\r\nCSeq: 193942 INVITE\r\nVia: SIP/2.0/UDP @US@;branch=z9hG4bK@ID@\r\nContent-Length: 0\r\n\r\n",
    ),
    Torture("unkscm", other("OPTIONS", uri="nobodyKnowsThisScheme:totallyopaquecontent")),
    Torture("novelsc", other("OPTIONS", uri="soap.beep://@TO@:3002")),
    Torture(
        "unksm2",
        other("REGISTER", uri="sip:@TO@")
        .replace(b"To: <sip:", b"To: <isbn:2983792873")
        .replace(b"From: ", b"From: <http://www.example.com>;tag=b\r\nX-From: "),
    ),
    Torture(
        "bext01",
        other(
            "OPTIONS",
            "Require: nothingSupportsThis, nothingSupportsThisEither",
            "Proxy-Require: noProxiesSupportThis",
        ),
    ),
    Torture(
        "invut",
        invite(
            kind="Content-Type: application/unknownformat", body=f"<audio><pcmu port='443'/>{MARK}</audio>"
        ),
    ),
    Torture(
        "regaut01",
        other(
            "REGISTER", "Authorization: NoOneKnowsThisScheme opaque-data=here", "Contact: <sip:j.user@@US@>"
        ),
    ),
    Torture(
        "multi01",
        invite(
            "CSeq: 59 INVITE",
            "Call-ID: other@ID@",
            "From: <sip:other@@US@>;tag=3413415",
            "To: <sip:other@@TO@>",
            "Max-Forwards: 5",
            "Content-Length: 5",
        ),
    ),
    Torture(
        "mcl01",
        other("OPTIONS", "Content-Length: 13", "Content-Length: 5")
        + b"There's no way to know how many octets are supposed to be here.",
    ),
    Torture("bcast", answer("SIP/2.0 200 OK", "Via: SIP/2.0/UDP 255.255.255.255;branch=z9hG4bK1saber23")),
    Torture("zeromf", invite(forwards="Max-Forwards: 0")),
    Torture("cparam01", other("REGISTER", "Contact: sip:+19725552222@@US@;unknownparam")),
    Torture("cparam02", other("REGISTER", "Contact: <sip:+19725552222@@US@;unknownparam>")),
    Torture("regescrt", other("REGISTER", "Contact: <sip:user@example.com?Route=%3Csip:sip.example.com%3E>")),
    Torture("sdp01", invite("Accept: text/nobodyKnowsThis")),
    Torture(
        "inv2543",
        invite(
            via="Via: SIP/2.0/UDP @US@",
            sender="From: <sip:@NUMBER@@@US@>",
            forwards="",
            length="",
            kind="Content-Type: application/sdp",
        ),
    ),
    Torture("test", b"\r\n\r\n\r\n"),
    Torture("nothing", b"\0" * 500),
    Torture("no end", b"INVITE sip:" + b"A" * 60_000),
    Torture("only colons", b":" * 4000 + b"\r\n\r\n"),
]
INJECTION = f"%0D%0A%0D%0AEvent:%20AgentConnect%0D%0AMemberName:%20agent1%0D%0A{MARK}:%201%0D%0A%0D%0A"
FOLDED = f"x\r\n Event: AgentConnect\r\n {MARK}: 1"
BARE = f"x\rEvent: QueueMemberPause\r{MARK}: 1"
HEADERS = (
    "Subject",
    "User-Agent",
    "Organization",
    "Priority",
    "Alert-Info",
    "Call-Info",
    "Diversion",
    "History-Info",
    "Privacy",
    "P-Asserted-Identity",
    "P-Preferred-Identity",
    "Remote-Party-ID",
    "P-Charging-Vector",
    "Reason",
    "Replaces",
    "Referred-By",
    "Session-Expires",
    "Min-SE",
    "Supported",
    "Require",
    "Accept",
    "Accept-Language",
    "Geolocation",
    "Identity",
    "X-Psap",
    "Route",
    "Record-Route",
    "Authorization",
    "Proxy-Authorization",
    "In-Reply-To",
    "Date",
    "Timestamp",
    "Warning",
    "Content-Disposition",
)
INJECTIONS = [
    Torture(f"{name} {word}", invite(f"{name}: {text}"))
    for name in HEADERS
    for word, text in (("escaped", f"<sip:{INJECTION}@x>"), ("folded", FOLDED), ("bare CR", BARE))
] + [
    Torture("From user", invite(sender=f"From: <sip:@NUMBER@{INJECTION}@@US@>;tag=a@ID@")),
    Torture("From tag", invite(sender=f"From: <sip:@NUMBER@@@US@>;tag=a@ID@{INJECTION}")),
    Torture("Call-ID", invite(call=f"Call-ID: @ID@{INJECTION}")),
    Torture("Call-ID quotes", invite(call=f"Call-ID: @ID@\"'`$(x)${{EXTEN}}{MARK}")),
    Torture("branch", invite(via=f"Via: SIP/2.0/UDP @US@;branch=z9hG4bK@ID@{INJECTION}")),
    Torture("Contact user", invite(contact=f"Contact: <sip:{INJECTION}@@US@>")),
    Torture("To display", invite(to=f'To: "{INJECTION}" <sip:@DIALLED@@@TO@>')),
    Torture("number", invite(line=f"INVITE sip:@DIALLED@{INJECTION}@@TO@ SIP/2.0")),
    Torture("host", invite(line=f"INVITE sip:@DIALLED@@@TO@;{MARK}={INJECTION} SIP/2.0")),
    Torture("SDP session", invite(body=SDP.replace("s=-", f"s={MARK}\r\ni=Event: AgentConnect"))),
    Torture("user agent of 8 kB", invite(f"User-Agent: {MARK * 1000}")),
    Torture("subject of 30 kB", invite(f"Subject: {MARK * 3700}")),
    Torture(
        "2,000 parameters in From",
        invite(sender="From: <sip:@NUMBER@@@US@>;tag=a@ID@" + "".join(f";p{n}={n}" for n in range(2000))),
    ),
    Torture(
        "2,000 parameters in the number",
        invite(line="INVITE sip:@DIALLED@@@TO@" + "".join(f";p{n}" for n in range(2000)) + " SIP/2.0"),
    ),
    Torture("500 unknown headers", invite(*(f"X-{MARK}-{n}: {n}" for n in range(500)))),
    Torture(
        "200 Vias",
        invite(*(f"Via: SIP/2.0/UDP 127.0.0.2:{n};branch=z9hG4bKv{n}" for n in range(10_000, 10_200))),
    ),
    Torture("100 Routes", invite(*(f"Route: <sip:127.0.0.2:{n};lr>" for n in range(10_000, 10_100)))),
    Torture(
        "bytes that are no text",
        invite(
            "Subject: \udcff\udcfe\udcc3(", sender='From: "\udcff\udcc0\udc80" <sip:@NUMBER@@@US@>;tag=a@ID@'
        ),
    ),
    Torture(
        "a right-to-left name", invite(sender=f'From: "\u202e{MARK}\u2066" <sip:@NUMBER@@@US@>;tag=a@ID@')
    ),
    Torture("zero bytes in a name", invite(sender=f'From: "a\0b{MARK}" <sip:@NUMBER@@@US@>;tag=a@ID@')),
    Torture(
        "escapes of a terminal",
        invite(
            f"Subject: \x1b[2J\x1b]0;{MARK}\x07",
            sender=f'From: "\x1b[31m{MARK}" <sip:@NUMBER@@@US@>;tag=a@ID@',
        ),
    ),
]
BODIES = {
    "no media": "v=0\r\no=- 1 1 IN IP4 127.0.0.2\r\ns=-\r\nc=IN IP4 127.0.0.2\r\nt=0 0\r\n",
    "port 0": SDP.replace("49172", "0"),
    "port 99999": SDP.replace("49172", "99999"),
    "port -1": SDP.replace("49172", "-1"),
    "a port of 100 digits": SDP.replace("49172", "9" * 100),
    "held": SDP.replace("c=IN IP4 127.0.0.2", "c=IN IP4 0.0.0.0"),
    "IPv6": SDP.replace("IN IP4 127.0.0.2", "IN IP6 ::1"),
    "a name for an address": SDP.replace("c=IN IP4 127.0.0.2", "c=IN IP4 tidak.ada.invalid"),
    "a group address": SDP.replace("c=IN IP4 127.0.0.2", "c=IN IP4 224.2.1.1/127/3"),
    "everybody's address": SDP.replace("c=IN IP4 127.0.0.2", "c=IN IP4 255.255.255.255"),
    "T.38": SDP.replace("m=audio 49172 RTP/AVP 0", "m=image 49172 udptl t38")
    + "a=T38FaxVersion:0\r\na=T38MaxBitRate:14400\r\n",
    "video only": SDP.replace("m=audio", "m=video"),
    "thirty streams": SDP + "".join(f"m=audio {49_200 + n} RTP/AVP 0\r\n" for n in range(30)),
    "1,000 attributes": SDP + "".join(f"a={MARK}-{n}:x\r\n" for n in range(1000)),
    "a line of 20 kB": SDP + f"a=fmtp:0 {MARK * 2500}\r\n",
    "formats 0 to 255": SDP.replace("AVP 0", "AVP " + " ".join(map(str, range(256)))),
    "unknown codec": SDP.replace("AVP 0", "AVP 97").replace("rtpmap:0 PCMU", f"rtpmap:97 {MARK}"),
    "rates beyond all": SDP.replace("PCMU/8000", "PCMU/99999999999999999999"),
    "SRTP by words": SDP.replace("RTP/AVP 0", "RTP/SAVP 0")
    + "a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:AAAA\r\n",
    "ICE by words": SDP + "a=ice-ufrag:x\r\na=ice-pwd:y\r\na=candidate:1 1 UDP 1 127.0.0.2 9 typ host\r\n",
    "binary": "\0\1\2\3\x7f" * 40,
    "half": SDP[:40],
    "LF only": SDP.replace("\r\n", "\n"),
    "empty": "",
}
SESSIONS = [Torture(f"SDP: {name}", invite(body=text)) for name, text in BODIES.items()]
OUT_OF_PLACE = [
    Torture(
        f"{method} out of place",
        other(method, *extra, uri="sip:@DIALLED@@@TO@")
        .replace(b";tag=a@ID@", b";tag=a@ID@")
        .replace(b"@TO@>", b"@TO@>;tag=gone"),
    )
    for method, *extra in (
        ("ACK",),
        ("BYE",),
        ("CANCEL",),
        ("PRACK", "RAck: 1 1 INVITE"),
        ("UPDATE",),
        ("INFO", "Content-Type: application/dtmf-relay"),
        ("REFER", "Refer-To: <sip:112@127.0.0.1>"),
        ("SUBSCRIBE", "Event: dialog"),
        ("NOTIFY", "Event: dialog"),
        ("MESSAGE",),
        ("PUBLISH", "Event: presence"),
    )
]
EVERYTHING = [*VALID, *INVALID, *INJECTIONS, *SESSIONS, *OUT_OF_PLACE]


def filled(each: Torture, *, to: str, us: str, word: str, dialled: str, number: str) -> bytes:
    """The message as it goes on the wire."""
    text = each.text
    for name, value in (("DIALLED", dialled), ("NUMBER", number), ("TO", to), ("US", us), ("ID", word)):
        text = text.replace(f"@{name}@".encode(), value.encode())
    head, end, body = text.partition(b"\r\n\r\n")
    return head.replace(b"@LEN@", str(len(body)).encode()) + end + body
