"""How people say where they are: an address of free text taken apart. Pure.

``Jl. Gajah Mada No. 12 RT 02/RW 05 depan Pasar Johar kel. Kauman`` is a street, a house number, a
neighbourhood (RT, RW), a relation (depan) to a landmark (patokan), and a kelurahan.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass, field
from enum import StrEnum

LONGEST = 200  # characters of a text that are read
MANY_WORDS = 24
MANY_SOUGHT = 12  # of them looked for: each costs a look into the index

# what stands for a word in short, or is spelt in more than one way
SAME = {
    **dict.fromkeys(("jl", "jln", "jalan", "jalanan"), "jalan"),
    **dict.fromkeys(("gg", "gang", "gng"), "gang"),
    **dict.fromkeys(("psr", "pasar"), "pasar"),
    **dict.fromkeys(("st", "sta", "stasion", "stasiun"), "stasiun"),
    **dict.fromkeys(("rs", "rsu", "rsud", "rsup", "rsia"), "rs"),
    **dict.fromkeys(("pkm", "puskesmas", "puskes"), "puskesmas"),
    **dict.fromkeys(("mesjid", "masjid", "msjd"), "masjid"),
    **dict.fromkeys(("musholla", "mushola", "musala", "musholah"), "musala"),
    **dict.fromkeys(("univ", "universitas"), "universitas"),
    **dict.fromkeys(("kpng", "kp", "kampung", "kampong"), "kampung"),
    **dict.fromkeys(("perum", "perumahan", "komplek", "kompleks", "komp"), "perumahan"),
    **dict.fromkeys(("jend", "jendral", "jenderal", "jen"), "jenderal"),
    **dict.fromkeys(("dr", "doktor", "dokter"), "dr"),
    **dict.fromkeys(("kap", "kapt", "kapten"), "kapten"),
    **dict.fromkeys(("let", "letjen", "letnan"), "letjen"),
    **dict.fromkeys(("tj", "tg", "tanjung", "tanjong"), "tanjung"),
    **dict.fromkeys(("alunalun", "alun"), "alun"),
    **dict.fromkeys(("sdn", "sd"), "sd"),
    **dict.fromkeys(("smpn", "smp"), "smp"),
    **dict.fromkeys(("sman", "sma", "smu"), "sma"),
    **dict.fromkeys(("smkn", "smk", "stm"), "smk"),
    **dict.fromkeys(("ki", "kyai", "kiai"), "kyai"),
    **dict.fromkeys(("hos", "haos"), "hos"),
    **dict.fromkeys(("utr", "utara"), "utara"),
    **dict.fromkeys(("sel", "slt", "selatan"), "selatan"),
    **dict.fromkeys(("tim", "tmr", "timur"), "timur"),
    **dict.fromkeys(("bar", "brt", "barat"), "barat"),
}
TWO_WORDS = {
    ("rumah", "sakit"): "rs",
    ("pom", "bensin"): "spbu",
    ("lampu", "merah"): "bangjo",
    ("a", "yani"): "ahmad yani",
    ("jembatan", "penyeberangan"): "jpo",
}


class Relation(StrEnum):
    """Where the event lies as seen from the landmark."""

    FRONT = "depan"
    ACROSS = "seberang"
    NEAR = "dekat"
    BESIDE = "samping"
    BEHIND = "belakang"
    JUNCTION = "simpang"
    INSIDE = "dalam"
    TOWARDS = "arah"
    BEFORE = "sebelum"
    AFTER = "setelah"


RELATIONS = {
    **dict.fromkeys(("depan", "dpn", "depannya", "muka", "ngarep"), Relation.FRONT),
    **dict.fromkeys(("seberang", "sebrang", "sbrg", "berseberangan", "seberangnya"), Relation.ACROSS),
    **dict.fromkeys(("dekat", "dkt", "deket", "sekitar", "sekitaran", "cedak"), Relation.NEAR),
    **dict.fromkeys(("samping", "sebelah", "sblh", "smpg", "sampingnya"), Relation.BESIDE),
    **dict.fromkeys(("belakang", "blkg", "blakang", "mburi", "belakangnya"), Relation.BEHIND),
    **dict.fromkeys(("perempatan", "pertigaan", "prapatan", "simpangan"), Relation.JUNCTION),
    **dict.fromkeys(("dalam", "dalem"), Relation.INSIDE),
    **dict.fromkeys(("arah", "menuju", "jurusan"), Relation.TOWARDS),
    **dict.fromkeys(("sebelum", "sblm"), Relation.BEFORE),
    **dict.fromkeys(("setelah", "sesudah", "stlh", "lewat"), Relation.AFTER),
}
# words that say nothing of the place
_FILLING = """
di ke dari yang itu ini ada pak bu bapak ibu saya kami aku mas mbak tolong mohon cepat segera ya nya
dan atau sini sana situ situnya rumah warung toko kios lokasi alamat tempat daerah wilayah kawasan
kabupaten kab patokan patokannya ancer ancernya kebakaran kecelakaan banjir api terbakar tabrakan
laka longsor pohon tumbang no nomor nomer pas persis tepat tepatnya arahnya km pojok ujung sisi
"""
FILLERS = frozenset(_FILLING.split())
KELURAHAN = frozenset(("kel", "kelurahan", "desa", "ds", "negeri", "dusun"))
KECAMATAN = frozenset(("kec", "kecamatan"))

_RT = re.compile(r"\brt\b[\s.:]*0*(\d{1,3})(?:\s*(?:/|\\|-|,)?\s*(?:rw)?[\s.:]*0*(\d{1,3})\b)?")
_RTRW = re.compile(r"\brt\s*/\s*rw\b[\s.:]*0*(\d{1,3})\s*[/\\-]\s*0*(\d{1,3})")
_RW = re.compile(r"\brw\b[\s.:]*0*(\d{1,3})")
_GLUED = re.compile(r"\b(rt|rw|no|gg)\.?(?=\d)")
_HOUSE = re.compile(r"\b(?:no|nomor|nomer|nmr)\b[\s.:]*(\d{1,4}\s?[a-z]?)\b")
_TAIL_HOUSE = re.compile(r"(?<=[a-z]\s)(\d{1,4}[a-z]?)(?=\s*(?:$|,))")
_ALLEY = re.compile(r"\b(?:gg|gang|gng)\b[\s.:]*([a-z0-9]+(?:\s(?:i{1,3}|iv|v|\d{1,2}))?)")
_TWICE = re.compile(r"\b([a-z]{3,})2\b")
_REDOUBLED = re.compile(r"\b([a-z]{3,})-\1\b")
_WORD = re.compile(r"[a-z0-9]+")


@dataclass(frozen=True, slots=True)
class Said:
    """What an address says. ``phrases``: names to look for, each a list of words; ``where``: after a
    relation (a landmark). ``subdistrict``, ``district``: words after kel. and kec."""

    phrases: tuple[tuple[str, ...], ...] = ()
    where: tuple[str, ...] = ()
    subdistrict: tuple[str, ...] = ()
    district: tuple[str, ...] = ()
    street: bool = False  # "Jl." was said
    house: str | None = None
    alley: str | None = None
    rt: int | None = None
    rw: int | None = None
    relation: Relation | None = None
    words: frozenset[str] = field(default_factory=frozenset)


def plain(text: str) -> str:
    """Lower case, no accents, at most ``LONGEST`` characters."""
    flat = unicodedata.normalize("NFKD", text[:LONGEST])
    return "".join(char for char in flat if not unicodedata.combining(char)).lower()


def fold(word: str) -> str:
    """One spelling for sounds that are written in two ways: Soekarno, Sukarno; doubled letters."""
    if word.isdigit() or len(word) < 4:
        return word
    for old, new in (("oe", "u"), ("dj", "j"), ("tj", "c"), ("sj", "sy"), ("kh", "k"), ("y", "i")):
        word = word.replace(old, new)
    return re.sub(r"(.)\1", r"\1", word)


def words_of(text: str) -> list[str]:
    """The words of a name, each in its one spelling (``SAME``, ``fold``)."""
    flat = _REDOUBLED.sub(r"\1 \1", _TWICE.sub(r"\1 \1", plain(text)))
    raw = _WORD.findall(flat.replace("'", "").replace("\u2019", ""))[:MANY_WORDS]
    out: list[str] = []
    skip = False
    for index, word in enumerate(raw):
        if skip:
            skip = False
            continue
        pair = TWO_WORDS.get((word, raw[index + 1])) if index + 1 < len(raw) else None
        if pair is not None:
            out += pair.split()
            skip = True
        else:
            out.append(SAME.get(word, word))
    return [word for at, word in enumerate(map(fold, out)) if at == 0 or word != fold(out[at - 1])]


def read(text: str) -> Said:
    """Take an address apart; whatever is not understood stays a word to look for."""
    flat = _GLUED.sub(r"\1 ", plain(text).replace("_", " "))
    rt = rw = None
    if both := _RTRW.search(flat):
        rt, rw = int(both[1]), int(both[2])
        flat = _RTRW.sub(" , ", flat)
    if found := _RT.search(flat):
        rt, rw = int(found[1]), int(found[2]) if found[2] else rw
        flat = _RT.sub(" , ", flat, count=1)
    if found := _RW.search(flat):
        rw = int(found[1])
        flat = _RW.sub(" , ", flat, count=1)
    alley = None
    if found := _ALLEY.search(flat):
        alley = found[1].strip()
    house = None
    if found := _HOUSE.search(flat) or _TAIL_HOUSE.search(flat):
        house = found[1].replace(" ", "")
        flat = flat[: found.start()] + " , " + flat[found.end() :]
    relation: Relation | None = None
    parts: dict[str, list[list[str]]] = {"main": [[]], "where": [[]], "sub": [[]], "dis": [[]]}
    now, street = "main", False
    for piece in re.split(r"[,;\n]", flat):
        now = "main" if now != "where" else now
        parts["main"].append([])
        for word in words_of(piece):
            if word in _RELATED:
                relation, now = relation or _RELATED[word], "where"
            elif word in KELURAHAN:
                now = "sub"
            elif word in KECAMATAN:
                now = "dis"
            elif word == "jalan":
                street, now = True, "main"
                parts["main"].append([])
            elif word not in _FILLERS:
                parts[now][-1].append(word)
    where = tuple(parts["where"][-1])
    phrases = _bounded([*parts["main"], list(where)])
    sub, dis = tuple(parts["sub"][-1]), tuple(parts["dis"][-1])
    return Said(
        phrases=phrases,
        where=where,
        subdistrict=sub,
        district=dis,
        street=street,
        house=house,
        alley=alley,
        rt=rt,
        rw=rw,
        relation=relation,
        words=frozenset(word for each in (*phrases, sub, dis) for word in each),
    )


def _bounded(parts: list[list[str]]) -> tuple[tuple[str, ...], ...]:
    left, out = MANY_SOUGHT, []
    for part in parts:
        if part and left > 0:
            out.append(tuple(part[:left]))
            left -= len(part)
    return tuple(out)


# the same sounds as everything else
_RELATED = {fold(SAME.get(word, word)): relation for word, relation in RELATIONS.items()}
_FILLERS = frozenset(fold(SAME.get(word, word)) for word in FILLERS)
