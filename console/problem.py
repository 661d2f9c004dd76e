"""Errors as the interface shows them: application/problem+json, Indonesian first, English beside it.

Every refusal has a ``key`` that programs may rely on; the table below is the whole list.
"""

from __future__ import annotations

from typing import Any

from aiohttp import web
from pydantic import BaseModel, ConfigDict, Field

TYPE = "application/problem+json"

# key: (status, Indonesian, English)
PROBLEMS: dict[str, tuple[int, str, str]] = {
    "bad_request": (400, "Permintaan tidak dapat dipahami", "The request cannot be understood"),
    "bad_json": (400, "Isi permintaan bukan JSON yang benar", "The body is not valid JSON"),
    "bad_cursor": (400, "Penanda halaman tidak dikenal", "The cursor is not one of ours"),
    "signed_out": (401, "Silakan masuk dahulu", "Please sign in first"),
    "wrong_credentials": (401, "Nama pengguna atau kata sandi salah", "Wrong username or password"),
    "code_needed": (401, "Masukkan kode dari telepon Anda", "Enter the code from your telephone"),
    "wrong_code": (401, "Kode salah atau sudah dipakai", "The code is wrong or was used"),
    "oidc_failed": (
        401,
        "Masuk lewat penyedia identitas tidak berhasil",
        "Signing in through the identity provider did not work",
    ),
    "forbidden": (403, "Peran Anda tidak mengizinkan ini", "Your role does not allow this"),
    "foreign_origin": (403, "Permintaan datang dari situs lain", "The request comes from another site"),
    "totp_needed": (403, "Pasang kode kedua dahulu", "Set up your second factor first"),
    "not_your_call": (403, "Panggilan ini bukan panggilan Anda", "This call is not yours"),
    "not_to_hear": (403, "Rekaman ini bukan untuk Anda dengar", "This recording is not yours to hear"),
    "not_found": (404, "Tidak ditemukan", "Not found"),
    "recording_gone": (404, "Berkas rekaman tidak ada lagi", "The recording's file is gone"),
    "method_not_allowed": (405, "Cara ini tidak tersedia di sini", "This method is not available here"),
    "link_over": (
        410,
        "Tautan salah atau sudah tidak berlaku; bila perlu pertolongan, hubungi 112",
        "The link is wrong or over; if you need help, dial 112",
    ),
    "slow_body": (408, "Isi permintaan datang terlalu lambat", "The body comes too slowly"),
    "conflict": (409, "Bertentangan dengan keadaan sekarang", "In conflict with the present state"),
    "totp_on": (409, "Kode kedua sudah aktif", "The second factor is on already"),
    "no_phone": (409, "Anda belum punya telepon", "You have no telephone yet"),
    "closed": (409, "Sudah selesai", "Already closed"),
    "claimed": (409, "Sudah diambil petugas lain", "Somebody else has taken it"),
    "already_calling": (409, "Sedang ditelepon", "It is being called now"),
    "undecided": (
        409,
        "Hasil telepon balik belum diketahui, putuskan dahulu",
        "What came of the last call-back is not known: decide that first",
    ),
    "not_reachable": (409, "Tidak ada nomor yang dapat ditelepon", "There is no number to ring"),
    "confirm_needed": (
        409,
        "Dering telepon dapat membahayakan pelapor ini: kirim confirm",
        "A ringing telephone can betray this caller: send confirm",
    ),
    "on_the_line": (409, "Pelapor sedang menelepon 112", "The caller is on the line to 112 now"),
    "in_queue": (
        409,
        "Anda sedang menerima panggilan sungguhan: keluar dari antrean atau jeda dahulu",
        "You take real calls now: leave the queue or pause first",
    ),
    "agent_busy": (409, "Telepon Anda sedang dipakai", "Your telephone is in use"),
    "phone_away": (409, "Telepon Anda tidak terdaftar", "Your telephone is not registered"),
    "would_loop": (
        409,
        "Laporan itu sudah tergabung ke laporan ini",
        "That report belongs to this one already",
    ),
    "not_talking": (409, "Tidak sedang dalam percakapan", "Nobody talks with this caller now"),
    "not_waiting_call": (409, "Pelapor tidak sedang menunggu", "The caller does not wait"),
    "already_there": (409, "Sudah dalam percakapan ini", "Is in this conversation already"),
    "last_one": (
        409,
        "Pelapor akan sendirian; akhiri panggilan saja",
        "The caller would be alone; end the call instead",
    ),
    "target_busy": (409, "Telepon yang dituju sedang dipakai", "That telephone is in use"),
    "target_away": (409, "Telepon yang dituju tidak terdaftar", "That telephone is not registered"),
    "not_waiting": (409, "Blokir ini tidak menunggu persetujuan", "This block awaits no confirmation"),
    "stale_version": (412, "Sudah diubah orang lain", "Somebody else has changed it"),
    "too_large": (413, "Isi permintaan terlalu besar", "The body is too large"),
    "not_json": (415, "Kirimkan application/json", "Send application/json"),
    "invalid": (422, "Isian belum benar", "Some fields are not right"),
    "unknown_category": (422, "Kategori tidak ada di kota ini", "The city has no such category"),
    "unknown_target": (
        422,
        "Tujuan tidak dikenal: bukan petugas, instansi bernomor atau pusat tetangga",
        "Not a call taker, an agency with a number or a neighbouring centre",
    ),
    "unknown_agency": (422, "Instansi tidak ada di kota ini", "The city has no such agency"),
    "closing_needed": (
        422,
        "Sebelum ditutup, catat apa yang diberitahukan kepada pelapor",
        "Before it is closed, note what the caller was told",
    ),
    "unknown_shift": (422, "Gilir ini tidak ada di kota ini", "The city has no such shift"),
    "unknown_agent": (
        422,
        "Hanya akun aktif yang menerima panggilan dapat dijadwalkan",
        "Only active accounts that take calls can be planned",
    ),
    "too_many_agents": (422, "Terlalu banyak petugas dalam satu gilir", "Too many call takers in one shift"),
    "bad_date": (422, "Tanggal di luar tahun 2000-2100", "A date outside the years 2000-2100"),
    "other_request": (
        422,
        "Idempotency-Key ini sudah dipakai untuk isi lain",
        "This Idempotency-Key was used with another body",
    ),
    "bad_number": (
        422,
        "Nomor tidak sah atau tanpa identitas",
        "Not a valid number, or one without identity",
    ),
    "bad_expiry": (422, "Waktu berakhir sudah lewat", "The expiry lies in the past"),
    "no_reason": (422, "Alasan wajib diisi", "A reason is needed"),
    "version_required": (428, "Sertakan If-Match dengan versi", "Send If-Match with the version"),
    "too_many_attempts": (429, "Terlalu banyak percobaan, tunggu sebentar", "Too many attempts, please wait"),
    "internal": (500, "Kesalahan pada sistem", "Something went wrong on our side"),
    "bridge_away": (503, "Penghubung telepon tidak menjawab", "The telephone bridge does not answer"),
    "asterisk_away": (503, "Sentral telepon tidak menjawab", "The telephone exchange does not answer"),
    "no_trunk": (
        503,
        "PSAP_TRUNK_PROXY belum diatur: tidak ada jalan keluar untuk telepon balik",
        "PSAP_TRUNK_PROXY is not set: there is no way out for call-backs",
    ),
    "database_away": (503, "Basis data tidak menjawab", "The database does not answer"),
}


class FieldError(BaseModel):
    """What is wrong with one field. The value itself is never repeated."""

    where: str
    why: str


class ProblemBody(BaseModel):
    """RFC 9457 problem details; ``title`` is Indonesian, then English."""

    model_config = ConfigDict(title="Problem")

    type: str = "about:blank"
    title: str
    status: int
    detail: str
    key: str
    errors: list[FieldError] = Field(default_factory=list)


class Problem(Exception):  # noqa: N818 - the field's own word (RFC 9457)
    """A refusal with its status, key and words.

    Args:
        key: a key of ``PROBLEMS``.
        detail: for people; never personal data.
    """

    def __init__(
        self,
        key: str,
        detail: str = "",
        *,
        errors: list[FieldError] | None = None,
        headers: dict[str, str] | None = None,
    ) -> None:
        super().__init__(key)
        self.status, indonesian, english = PROBLEMS[key]
        self.key = key
        self.headers = headers or {}
        self.body = ProblemBody(
            type=f"/api/docs#problem-{key}",
            title=f"{indonesian} / {english}",
            status=self.status,
            detail=detail or f"{indonesian} / {english}",
            key=key,
            errors=errors or [],
        )

    def response(self) -> web.Response:
        """The HTTP answer."""
        body: dict[str, Any] = self.body.model_dump()
        if not body["errors"]:
            del body["errors"]
        return web.json_response(body, status=self.status, headers=self.headers, content_type=TYPE)


def of_http(error: web.HTTPException) -> Problem:
    """aiohttp's own refusals in our shape."""
    keys = {
        400: "bad_request",
        401: "signed_out",
        403: "forbidden",
        404: "not_found",
        405: "method_not_allowed",
        413: "too_large",
        415: "not_json",
    }
    headers = {"Allow": error.headers["Allow"]} if "Allow" in error.headers else None
    return Problem(
        keys.get(error.status, "bad_request" if error.status < 500 else "internal"), headers=headers
    )


def is_database(error: Exception) -> bool:
    """Whether SQLAlchemy or its driver raised it, told by its module: stores alone import them."""
    return any(kind.__module__.split(".")[0] in ("sqlalchemy", "sqlite3") for kind in type(error).__mro__)
