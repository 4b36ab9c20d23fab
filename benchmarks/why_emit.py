"""Writes a system's predictions, spans, logs and labels as the SDK and OpenTelemetry would have."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pyarrow as pa
from why_systems import CLIENTS, System
from why_tables import Bools, Coded, Floats, Ints, Spans, constant, hex_ids, map_column, unique_column

MS = 1_000_000
STAMP = pa.timestamp("ns", "UTC")


class Emission:
    """The spans of a system, laid out in time."""

    def __init__(self, system: System) -> None:
        self.system = system
        self.trace_ids = hex_ids(system.rng, system.n, 16)
        self.predict_ids = hex_ids(system.rng, system.n, 8)
        self._all = np.arange(system.n)
        self._cursor = system.times + np.round(system.rng.exponential(0.5, system.n) * MS).astype(np.int64)
        self.predict_start = np.zeros(system.n, np.int64)
        self.predict_duration = np.zeros(system.n, np.int64)
        self.wrong = np.zeros(system.n, bool)

    def spans(self) -> Iterator[Spans]:
        """Every group of spans, children before the parents whose length they decide."""
        s, root = self.system, hex_ids(self.system.rng, self.system.n, 8)
        yield self._leaf("auth", "verify token", root, self._noise() | {"auth.method": constant("jwt", s.n)})
        yield self._leaf("geo", "lookup", root, self._noise(), np.nonzero(s.chance(0.3))[0])
        parent = self.predict_ids if s.inside else root
        if s.inside:
            self.predict_start = self._cursor.copy()
        yield from self._fetch_profile(parent)
        yield from self._fetch_history(parent)
        if not s.inside:
            self.predict_start = self._cursor.copy()
        yield self._leaf(
            "model",
            "read weights",
            self.predict_ids,
            self._noise() | {"disk.device": constant("nvme0", s.n)},
            np.nonzero(s.disk)[0],
            work="disk",
        )
        if s.own_span:
            yield self._predict(root)
        else:
            self._cursor += _nanoseconds(s.durations["compute"])
            self.predict_duration, self.predict_ids = self._cursor - self.predict_start, root
        reviewed = s.missing["income"] | s.chance(0.03)
        yield self._leaf(
            "audit",
            "write decision",
            root,
            self._noise() | {"decision.review": _yes(reviewed)},
            np.nonzero(s.chance(0.6))[0],
        )
        yield self._leaf("audit", "queue manual review", root, self._noise(), np.nonzero(reviewed)[0])
        if s.framework:
            yield self._message("gateway", "POST /score http receive", root, s.times)
            yield self._message("gateway", "POST /score http send", root, self._cursor.copy())
            self._cursor += _nanoseconds(s.durations["send"])
        yield self._root(root)

    def _message(self, role: str, name: str, parents: pa.Array, start: Ints) -> Spans:
        """What an ASGI application hands to its server, or is handed."""
        length = _nanoseconds(self.system.durations["send"])
        event = {
            "asgi.event.type": constant("http.response.body" if name.endswith("send") else "http.request", len(start))
        }
        calm = np.zeros(len(start), bool)
        return self._spans(role, name, self._all, start, length, parents, event, calm, kind="Internal")

    def _noise(self) -> dict[str, Coded]:
        """Attributes that every span carries and that mean nothing."""
        s = self.system
        return {
            "thread.id": Coded(s.rng.integers(0, 64, s.n), [str(i) for i in range(64)]),
            "request.id": unique_column(s.rng, s.n),
            "net.peer.port": Coded(s.rng.integers(0, 2000, s.n), [str(30000 + i) for i in range(2000)]),
            "tenant.id": Coded(s.tenant, [f"t-{i}" for i in range(40)]),
            "retry.budget": Coded(s.rng.integers(0, 4, s.n), ["0", "1", "2", "3"]),
        }

    def _spans(
        self,
        role: str,
        name: str,
        rows: Ints,
        start: Ints,
        duration: Ints,
        parents: pa.Array,
        attributes: dict[str, Coded],
        error: Bools,
        *,
        ids: pa.Array | None = None,
        kind: str = "Client",
    ) -> Spans:
        s, service = self.system, self.system.services[role]
        picked = {key: _take(column, rows) for key, column in attributes.items()}
        picked["error.type"] = constant(s.messages.get(role, "INTERNAL"), len(rows)).where(error)
        skew = service.skew[rows] if isinstance(service.skew, np.ndarray) else service.skew
        return Spans(
            service=service.name,
            name=name,
            rows=rows,
            start=start + skew,
            duration=duration,
            span_ids=ids if ids is not None else hex_ids(s.rng, len(rows), 8),
            parents=parents.take(pa.array(rows)),
            attributes=picked,
            resource={key: _take(column, rows) for key, column in service.resource(s.region).items()},
            error=error,
            message=s.messages.get(role, "INTERNAL"),
            kind=kind,
            events={"exception": error},
        )

    def _leaf(
        self,
        role: str,
        name: str,
        parents: pa.Array,
        attributes: dict[str, Coded],
        rows: Ints | None = None,
        work: str = "",
    ) -> Spans:
        """One call after the other: starts where the last one ended."""
        s = self.system
        rows = self._all if rows is None else rows
        length = _nanoseconds(s.durations[work or role])[rows]
        start = self._cursor[rows].copy()
        self._cursor[rows] += length
        return self._spans(role, name, rows, start, length, parents, attributes, s.errors[work or role][rows])

    def _fetch_profile(self, parents: pa.Array) -> Iterator[Spans]:
        """GET /profile, which asks the cache first and the database after it."""
        s = self.system
        ids = hex_ids(s.rng, s.n, 8)
        begun = self._cursor.copy()
        attempts = s.attempts["profile"]
        for attempt in range(1, int(attempts.max())):
            rows = np.nonzero(attempts > attempt)[0]
            length = _nanoseconds(s.durations["profile"])[rows] * 20
            yield self._spans(
                "profile",
                "GET /profile",
                rows,
                self._cursor[rows].copy(),
                length,
                parents,
                self._http(False),
                np.ones(len(rows), bool),
            )
            self._cursor[rows] += length
        begun = self._cursor.copy()
        hit = Coded(s.hit.astype(np.int64), ["false", "true"])
        yield self._leaf("profile", "cache GET", ids, self._noise() | {"cache.hit": hit}, work="cache")
        tables = {
            "db.collection.name": Coded(s.table, [f"profiles_{i}" for i in range(3)]),
            "db.system.name": constant("postgresql", s.n),
            "db.response.returned_rows": Coded(s.rng.integers(0, 3, s.n), ["1", "2", "3"]),
        }
        yield self._leaf("profile", "SELECT profiles", ids, self._noise() | tables, np.nonzero(~s.hit)[0], work="db")
        self._cursor += _nanoseconds(s.durations["profile"])
        if s.framework:
            yield self._message("profile", "GET /profile http send", ids, self._cursor.copy())
            self._cursor += _nanoseconds(s.durations["send"])
        schema = {"payload.schema": Coded(s.schema["profile"], ["v1", "v2"])}
        yield self._spans(
            "profile",
            "GET /profile",
            self._all,
            begun,
            self._cursor - begun,
            parents,
            self._http(True) | schema,
            s.errors["profile"],
            ids=ids,
        )

    def _fetch_history(self, parents: pa.Array) -> Iterator[Spans]:
        s = self.system
        attempts = s.attempts["history"]
        for attempt in range(1, int(attempts.max()) + 1):
            rows = np.nonzero(attempts >= attempt)[0]
            last = attempts[rows] == attempt
            length = _nanoseconds(s.durations["history"])[rows] * np.where(last, 1, 8)
            error = np.where(last, s.errors["history"][rows], True)
            schema = {"payload.schema": Coded(s.schema["history"], ["v1", "v2"])}
            yield self._spans(
                "history",
                "GET /transactions",
                rows,
                self._cursor[rows].copy(),
                length,
                parents,
                self._http(True) | schema,
                error,
            )
            self._cursor[rows] += length

    def _http(self, answered: bool) -> dict[str, Coded]:
        s = self.system
        status = Coded(np.zeros(s.n, np.int64), ["200" if answered else "503"])
        return self._noise() | {
            "http.request.method": constant("GET", s.n),
            "http.response.status_code": status,
            "server.address": constant("internal.lb", s.n),
            "http.response.body.size": Coded(s.rng.integers(0, 500, s.n), [str(900 + i) for i in range(500)]),
        }

    def _predict(self, root: pa.Array) -> Spans:
        s = self.system
        self._cursor += _nanoseconds(s.durations["compute"])
        self.predict_duration = self._cursor - self.predict_start
        version = s.services["model"].versions
        return self._spans(
            "model",
            f"predict {s.model}",
            self._all,
            self.predict_start,
            self.predict_duration,
            root,
            {
                "modelspan.model.name": constant(s.model, s.n),
                "modelspan.model.version": constant(version[0], s.n),
                "modelspan.recorded": constant("true", s.n),
                "modelspan.prediction.id": unique_column(s.rng, s.n),
                "modelspan.feature.income": Coded(s.missing["income"].astype(np.int64), ["10000", "null"]),
                "model.fallback": _yes(s.fallback),
            },
            s.crash,
            ids=self.predict_ids,
            kind="Internal",
        )

    def _root(self, root: pa.Array) -> Spans:
        s = self.system
        flags = {f"feature_flag.{name}": Coded(on.astype(np.int64), ["off", "on"]) for name, on in s.flags.items()}
        length = self._cursor - s.times + _nanoseconds(s.rng.exponential(1.0, s.n))
        self._parents = pa.repeat(pa.scalar(""), s.n)
        return self._spans(
            "gateway",
            "POST /score",
            self._all,
            s.times,
            length,
            self._parents,
            self._noise()
            | flags
            | {
                "client.version": Coded(s.client, CLIENTS),
                "client.platform": Coded(s.mobile.astype(np.int64), ["web", "mobile"]),
                "http.response.status_code": Coded(s.crash.astype(np.int64), ["200", "500"]),
            },
            s.crash,
            ids=root,
            kind="Server",
        )

    def predictions(self) -> pa.Table:
        """The rows of `predictions`."""
        s = self.system
        z = np.log(s.features["income"].clip(1)) - 10 + 0.02 * (s.features["age"] - 42)
        value = np.where(s.fallback, s.rng.normal(2.5, 0.4, s.n), z + s.rng.normal(0, 0.3, s.n)) + s.value_shift
        self.wrong = s.chance(np.where(s.fallback, 0.6, 0.08))
        numeric = {name: Coded(self._all, [""]) for name in s.features}
        nulls = np.stack([s.missing[name] for name in s.missing], axis=1)
        null_offsets = pa.array(np.concatenate(([0], np.cumsum(nulls.sum(axis=1)))).astype(np.int32))
        null_names = pa.array([list(s.missing)[i] for i in np.nonzero(nulls)[1]], pa.string())
        categorical = {
            name: Coded(codes, words, ~s.missing[name] if name in s.missing else None)
            for name, (codes, words) in s.categories.items()
        }
        label = np.where(value > 0.5, "1", "0")
        return pa.table(
            {
                "model": pa.repeat(pa.scalar(s.model), s.n),
                "version": pa.repeat(pa.scalar(s.services["model"].versions[0]), s.n),
                "service": pa.repeat(pa.scalar(s.services["model"].name), s.n),
                "timestamp": pa.array(self.predict_start).cast(STAMP),
                "prediction_id": self.trace_ids,
                "trace_id": self.trace_ids,
                "span_id": self.predict_ids,
                "value": pa.array(value, mask=s.crash),
                "label": pa.array(np.where(s.crash, "", label)),
                "duration": pa.array(self.predict_duration / 1e9),
                "error_type": pa.array(np.where(s.crash, "RuntimeError", "")),
                "numeric_features": _numeric_map(s.features, s.missing, list(numeric)),
                "categorical_features": map_column(categorical, s.n),
                "null_features": pa.ListArray.from_arrays(null_offsets, null_names),
                "tags": map_column({"platform": Coded(s.mobile.astype(np.int64), ["web", "mobile"])}, s.n),
            }
        )

    def labels(self, predictions: pa.Table) -> pa.Table:
        """The rows of `labels`: the prediction's own label, turned round where it was wrong."""
        s = self.system
        said = predictions["label"].to_numpy() == "1"
        return pa.table(
            {
                "prediction_id": self.trace_ids,
                "model": pa.repeat(pa.scalar(s.model), s.n),
                "timestamp": pa.array(s.times + 60_000 * MS).cast(STAMP),
                "label": pa.array(np.where(said ^ self.wrong, "1", "0")),
            }
        )

    def logs(self) -> pa.Table:
        """Warnings of the services whose calls failed, and chatter."""
        s = self.system
        service = s.services["profile"].name
        rows = np.nonzero(s.errors["profile"] | s.chance(0.02))[0]
        failed = s.errors["profile"][rows]
        return pa.table(
            {
                "Timestamp": pa.array(s.times[rows]).cast(STAMP),
                "TraceId": self.trace_ids.take(pa.array(rows)),
                "ServiceName": pa.repeat(pa.scalar(service), len(rows)),
                "SeverityText": pa.array(np.where(failed, "ERROR", "INFO")),
                "Body": pa.array(np.where(failed, "profile request failed after retry", "cache refreshed")),
            }
        )


def _yes(flags: Bools) -> Coded:
    return Coded(flags.astype(np.int64), ["false", "true"])


def _take(column: Coded, rows: Ints) -> Coded:
    present = None if column.present is None else column.present[rows]
    return Coded(column.codes[rows], column.vocabulary, present)


def _nanoseconds(milliseconds: Floats) -> Ints:
    return np.round(milliseconds.clip(0.01) * MS).astype(np.int64)


def _numeric_map(features: dict[str, Floats], missing: dict[str, Bools], names: list[str]) -> pa.Array:
    names = sorted(names)
    values = np.stack([features[name] for name in names], axis=1)
    keep = np.stack([~missing[name] if name in missing else np.ones(len(values), bool) for name in names], axis=1)
    offsets = np.concatenate(([0], np.cumsum(keep.sum(axis=1)))).astype(np.int32)
    keys = pa.DictionaryArray.from_arrays(
        np.tile(np.arange(len(names), dtype=np.int32), len(values))[keep.ravel()], pa.array(names)
    )
    return pa.MapArray.from_arrays(pa.array(offsets), keys.dictionary_decode(), pa.array(values.ravel()[keep.ravel()]))
