"""The quick door for the hottest readings of the API: one round trip, nothing left out.

A request costs one pipelined round trip, which is one implicit transaction: `app_begin` checks the
bearer token and the permission and sets the context; the queryset's own SQL reads under the
policies; and the same statement notes each row on the trail. A row is never answered without its
entry. Where token or permission fail the context stays empty: nothing is read and nothing noted.

Only readings that are measured hot use it (see docs/decisions); all others use the ORM plainly.
"""

from collections.abc import Sequence
from typing import Any

from django.db import connection, models
from django.db.models.base import ModelState

from clinic.security import trail
from clinic.security.fields import Sealed, SealedMixin

NOTED = """WITH page AS MATERIALIZED ({select}), origin AS MATERIALIZED (
 SELECT app_user() AS who, o ->> 'purpose' AS why, (o ->> 'address')::inet AS address,
  o ->> 'agent' AS agent, o ->> 'session' AS session, (o ->> 'token')::uuid AS token,
  o ->> 'request' AS request, o ->> 'surface' AS surface, %s::jsonb AS details
 FROM (SELECT current_setting('app.origin')::jsonb AS o) AS context), noted AS (
 INSERT INTO clinic_logentry (content_type_id, resource, object_pk, object_repr, action,
  changes_text, patient_id, additional_data, actor_id, facility_id, purpose, remote_addr,
  user_agent, session_key, token_id, cid, surface, compliance_flags, risk_score)
 SELECT %s, %s, page.id::text, '', {access}, '', page.{patient}, origin.details, origin.who,
  page.facility_id, origin.why, origin.address, origin.agent, origin.session, origin.token,
  origin.request, origin.surface, '{{}}', %s
 FROM (SELECT * FROM page LIMIT %s) AS page, origin)
SELECT * FROM page"""


def noted_sql(select: str, *, patient: str) -> str:
    """The statement that reads `select` and notes its rows; `patient` is the column that names the
    patient. Its parameters are the select's, then details as JSON, content type, resource, risk,
    and how many rows are shown: one that is read only to know that more follow is not noted."""
    return NOTED.format(select=select, access=trail.ACCESS, patient=patient)


Statement = tuple[str, Sequence[Any]]


def fetch(begin: Statement, *statements: Statement) -> tuple[tuple | None, list[list[tuple]]]:
    """Run `begin` and the statements in one round trip; answers begin's row and each one's rows.

    Outside a transaction the pipeline is one; inside one, as in tests, it is part of it.
    """
    connection.ensure_connection()
    raw = connection.connection
    with raw.pipeline():
        began = raw.execute(*begin, prepare=True)
        read = [raw.execute(*statement, prepare=True) for statement in statements]
    return began.fetchone(), [cursor.fetchall() for cursor in read]


def instances(model: type[models.Model], rows: Sequence[tuple]) -> list[models.Model]:
    """Model instances of rows that hold all the model's columns, in order.

    Filled without `__init__`: a list of fifty would spend most of its time there.
    """
    names = [field.attname for field in model._meta.concrete_fields]
    sealed = [
        index
        for index, field in enumerate(model._meta.concrete_fields)
        if isinstance(field, SealedMixin)
    ]
    found = []
    for row in rows:
        values = list(row)
        for index in sealed:
            if values[index] is not None:
                values[index] = Sealed(values[index])
        item = model.__new__(model)
        item.__dict__.update(zip(names, values, strict=True))
        item._state = ModelState()
        item._state.adding, item._state.db = False, "default"
        found.append(item)
    return found
