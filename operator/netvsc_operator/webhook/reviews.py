"""Reviews over HTTP: reads one, lets `admission` decide, writes the answer."""

from __future__ import annotations

import asyncio
import json
import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from aiohttp import web

from netvsc.model.pool import Pool
from netvsc_operator.admission import AdmissionResponse
from netvsc_operator.webhook.body_budget import BodyBudget
from netvsc_operator.webhook.metrics import ReviewOutcome, WebhookMetrics

log = logging.getLogger(__name__)

# The apiserver takes objects of 3 MiB; a review holds the new one, the old one and some more.
BODY_MAX = 8 * 1024 * 1024
# Whoever reaches the port may send something: what it costs must fit into the container's memory.
_ROOM = 4 * BODY_MAX  # for all bodies at once
_SMALL = 64 * 1024  # a pod takes 10 KiB; such a body waits for nobody
_PATIENCE_S = 5.0  # in which a body is to arrive: the apiserver waits no longer for our answer
_VALUES_MAX = 1_000_000  # of 8 MiB `{},{},…` Python makes 200 MiB
_SEPARATORS = (b",", b"[", b"{")

ByResource = Mapping[str, Pool]
Decide = Callable[[object, ByResource], AdmissionResponse]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Reply:
    outcome: ReviewOutcome
    body: bytes
    status: int = 200
    kind: str = "application/json"


class Reviews:
    """`pools` returns None while they are not known. `decide` is by path: /mutate, /validate."""

    def __init__(
        self,
        *,
        decide: Mapping[str, Decide],
        pools: Callable[[], ByResource | None],
        metrics: WebhookMetrics,
    ) -> None:
        self._decide = decide
        self._pools = pools
        self._metrics = metrics
        self._room = BodyBudget(_ROOM, small=_SMALL)
        self._begun = 0
        self._idle = asyncio.Event()
        self._idle.set()
        self.leaving = False

    def server(self, *, keepalive_s: float) -> web.Server:
        """Return what answers a connection; a router's and middlewares' services are not needed."""
        return web.Server(
            self._handle, request_factory=_request, access_log=None, keepalive_timeout=keepalive_s
        )

    def leave(self) -> None:
        """Ask each client to come back by another connection: to another replica."""
        self.leaving = True

    async def finished(self) -> None:
        """Wait until no review is under way."""
        await self._idle.wait()

    async def _handle(self, request: web.BaseRequest) -> web.Response:
        decide = self._decide.get(request.path)
        if decide is None or request.method != "POST":
            known = " and ".join(self._decide)
            return web.Response(status=404, text=f"netvsc-operator: POST reviews to {known}\n")
        self._begun += 1
        self._idle.clear()
        try:
            return await self._review(request, decide)
        finally:
            self._begun -= 1
            if not self._begun:
                self._idle.set()

    async def _review(self, request: web.BaseRequest, decide: Decide) -> web.Response:
        length = request.content_length
        size = BODY_MAX if length is None else min(length, BODY_MAX)
        try:
            async with asyncio.timeout(_PATIENCE_S), self._room.holding(size):
                return self._response(await request.read(), decide)
        except web.HTTPRequestEntityTooLarge:
            return self._response(_too_large(request), decide)
        except TimeoutError:
            response = self._response(_late(), decide)
            response.force_close()  # the rest of it is not waited for
            return response

    def _response(self, body: bytes | _Reply, decide: Decide) -> web.Response:
        began = time.perf_counter()
        reply = body if isinstance(body, _Reply) else self._reply(body, decide)
        headers = {"Content-Type": reply.kind}
        response = web.Response(body=reply.body, status=reply.status, headers=headers)
        if self.leaving:
            response.force_close()
        self._metrics.reviewed(reply.outcome, time.perf_counter() - began)
        return response

    def _reply(self, body: bytes, decide: Decide) -> _Reply:
        pools = self._pools()
        if pools is None:
            return _plain(ReviewOutcome.UNREADY, 503, "the pools are not known yet: try again")
        if sum(map(body.count, _SEPARATORS)) > _VALUES_MAX:
            return _plain(
                ReviewOutcome.MALFORMED, 400, f"no pod has {_VALUES_MAX} values, as this has"
            )
        try:
            review = json.loads(body)
        except (ValueError, RecursionError) as error:
            return _plain(
                ReviewOutcome.MALFORMED,
                400,
                f"not an AdmissionReview: the body is not JSON: {error}",
            )
        try:
            return _answer(decide(review, pools))
        except Exception:  # the next review must find this process alive
            log.exception("a review could not be answered: %.2000s", body.decode(errors="replace"))
            return _plain(
                ReviewOutcome.FAILED, 500, "netvsc-operator could not answer: see its log"
            )


def _answer(response: AdmissionResponse) -> _Reply:
    outcome = ReviewOutcome(response.result.value)
    body = json.dumps(response.review).encode()
    return _Reply(
        outcome=outcome, body=body, status=400 if outcome is ReviewOutcome.MALFORMED else 200
    )


def _too_large(request: web.BaseRequest) -> _Reply:
    size = f"{request.content_length} bytes" if request.content_length else "more"
    return _plain(
        ReviewOutcome.TOO_LARGE, 413, f"a review may have {BODY_MAX} bytes, this one has {size}"
    )


def _late() -> _Reply:
    return _plain(
        ReviewOutcome.MALFORMED, 408, f"the review was not here within {_PATIENCE_S:.0f} s"
    )


def _plain(outcome: ReviewOutcome, status: int, why: str) -> _Reply:
    return _Reply(
        outcome=outcome, status=status, body=f"netvsc-operator: {why}\n".encode(), kind="text/plain"
    )


def _request(*parts: Any) -> web.BaseRequest:
    """Make a request as the library does, but one that may be larger."""
    make: Callable[..., web.BaseRequest] = web.BaseRequest
    return make(*parts, asyncio.get_running_loop(), client_max_size=BODY_MAX)
