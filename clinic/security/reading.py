"""The quick door for the hottest readings of the API: one round trip, nothing left out.

A request costs one pipelined round trip, which is one implicit transaction: `app_begin` checks the
bearer token and the permission and sets the context; the queryset's own SQL reads under the
policies; and the same statement notes each row on the trail. A row is never answered without its
entry. Where token or permission fail the context stays empty: nothing is read and nothing noted.

Only readings that are measured hot use it (see docs/decisions); all others use the ORM plainly.
"""

from collections.abc import Sequence
from functools import cache
from typing import Any

from django.db import connection, models
from django.db.models.base import ModelState

from clinic.security import trail
from clinic.security.fields import Sealed, SealedMixin

# Empty where nobody acts: an unknown token's reading reaches no row, and must not fail either, in
# whatever order PostgreSQL looks.
ORIGIN = "(SELECT NULLIF(current_setting('app.origin', true), '')::jsonb AS o)"
NOTED = """WITH page AS MATERIALIZED ({select}), shown AS MATERIALIZED (
 SELECT * FROM page LIMIT %s), origin AS MATERIALIZED (
 SELECT app_user() AS who, o ->> 'purpose' AS why, (o ->> 'address')::inet AS address,
  o ->> 'agent' AS agent, o ->> 'session' AS session, (o ->> 'token')::uuid AS token,
  o ->> 'request' AS request, o ->> 'surface' AS surface, %s::jsonb AS details,
  trail_risk((o ->> 'facility')::uuid, o ->> 'purpose', '{{}}',
   (SELECT count(*) FROM shown)) AS risk, app_emergencies() AS emergencies
 FROM {origin} AS context), noted AS (
 INSERT INTO clinic_logentry (content_type_id, resource, object_pk, object_repr, action,
  changes_text, patient_id, additional_data, actor_id, facility_id, purpose, remote_addr,
  user_agent, session_key, token_id, cid, surface, compliance_flags, risk_score)
 SELECT %s, %s, page.id::text, '', {access}, '', page.{patient}, origin.details, origin.who,
  page.facility_id, CASE WHEN urgent THEN 'emergency' ELSE origin.why END, origin.address,
  origin.agent, origin.session, origin.token, origin.request, origin.surface,
  CASE WHEN urgent THEN '{{break_glass}}'::text[] ELSE '{{}}' END,
  CASE WHEN urgent THEN LEAST(origin.risk + 40, 100) ELSE origin.risk END
 FROM shown AS page, origin, LATERAL (
  SELECT page.{patient} = ANY (origin.emergencies) AS urgent) AS way)
SELECT page.*{beside} FROM page"""


def noted_sql(select: str, *, patient: str, beside: str = "") -> str:
    """The statement that reads `select` and notes its rows; `patient` is the column that names the
    patient, `beside` an expression over `page` that becomes each row's last column. Its parameters
    are the select's, then how many rows are shown (one that is read only to know that more follow
    is not noted), details as JSON, content type, and resource."""
    beside = beside and f", {beside}"
    return NOTED.format(
        select=select, access=trail.ACCESS, patient=patient, beside=beside, origin=ORIGIN
    )


Statement = tuple[str, Sequence[Any]]


def fetch(begin: Statement, read: Statement) -> tuple[tuple | None, list[tuple]]:
    """Run both in one round trip; answers the row of `begin` and the rows of `read`.

    Outside a transaction the pipeline is one; inside one, as in tests, it is part of it. Rows come
    in PostgreSQL's binary form, which costs half of what parsing their text does.
    """
    connection.ensure_connection()
    raw = connection.connection
    with raw.pipeline():
        began = raw.execute(*begin, prepare=True)
        rows = raw.execute(*read, prepare=True, binary=True)
    return began.fetchone(), rows.fetchall()


def instances(model: type[models.Model], rows: Sequence[tuple]) -> list[models.Model]:
    """Model instances of rows that begin with all the model's columns, in order.

    Filled without `__init__`: a list of fifty would spend most of its time there.
    """
    names, sealed = _columns(model)
    found = []
    for row in rows:
        item = model.__new__(model)
        values = item.__dict__
        values.update(zip(names, row, strict=False))
        for name in sealed:
            if (token := values[name]) is not None:
                values[name] = Sealed(token)
        state = values["_state"] = ModelState()
        state.adding, state.db = False, "default"
        found.append(item)
    return found


@cache
def _columns(model: type[models.Model]) -> tuple[list[str], list[str]]:
    """The attributes of the model's columns, and those of them that are sealed."""
    fields = model._meta.concrete_fields
    return [f.attname for f in fields], [f.attname for f in fields if isinstance(f, SealedMixin)]
