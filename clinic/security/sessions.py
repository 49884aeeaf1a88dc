"""Sessions are kept under a digest of their key: whoever reads the tables has no key to any."""

import hashlib

from allauth.usersessions.models import UserSession
from django.contrib.sessions.backends import db
from django.utils import timezone

DIGITS = 40  # of the column; 160 bits, as many as a key has


def digest_of(key: str) -> str:
    """What a session is called in the tables, and, shortened, on the trail."""
    return hashlib.sha256(key.encode()).hexdigest()[:DIGITS]


class SessionStore(db.SessionStore):
    """Django's, with digests in the place of keys. What is told of a session (allauth's
    `UserSession`) goes with it when it gets a new key, and when it is emptied."""

    def _get_session_from_db(self):
        known = {"session_key": digest_of(self.session_key), "expire_date__gt": timezone.now()}
        row = self.model.objects.filter(**known).first()
        if row is None:
            self._session_key = None
        return row

    def exists(self, session_key):
        return super().exists(digest_of(session_key))

    def create_model_instance(self, data):
        row = super().create_model_instance(data)
        row.session_key = digest_of(row.session_key)
        return row

    def delete(self, session_key=None):
        if key := session_key or self.session_key:
            super().delete(digest_of(key))

    def cycle_key(self):
        before = self.session_key
        super().cycle_key()
        if before:
            told = UserSession.objects.filter(session_key=digest_of(before))
            told.update(session_key=digest_of(self.session_key))

    def flush(self):
        if self.session_key:
            UserSession.objects.filter(session_key=digest_of(self.session_key)).delete()
        super().flush()
