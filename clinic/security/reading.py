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
 FROM page, origin)
SELECT * FROM page"""


def noted_sql(select: str, *, patient: str) -> str:
    """The statement that reads `select` and notes each of its rows; `patient` is the column that
    names the patient. Its parameters are the select's, then details as JSON, content type,
    resource, risk."""
    return NOTED.format(select=select, access=trail.ACCESS, patient=patient)


def fetch(
    begin: tuple[str, Sequence[Any]], statement: str, parameters: Sequence[Any]
) -> tuple[tuple | None, list[tuple]]:
    """Run `begin` and the statement in one round trip; answers begin's row and the rows.

    The connection must be in autocommit (the view is `non_atomic_requests`).
    """
    if connection.in_atomic_block:
        return _in_transaction(begin, statement, parameters)
    connection.ensure_connection()
    raw = connection.connection
    with raw.pipeline():
        began = raw.execute(*begin, prepare=True)
        read = raw.execute(statement, parameters, prepare=True)
    return began.fetchone(), read.fetchall()


def _in_transaction(begin, statement, parameters):
    """The same inside an open transaction, as in tests."""
    with connection.cursor() as cursor:
        cursor.execute(*begin)
        began = cursor.fetchone()
        cursor.execute(statement, parameters)
        return began, cursor.fetchall()


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
