"""How long a session goes on, to the second; which are listed, and which end."""

from datetime import timedelta

import pytest
from allauth.account.signals import password_reset
from allauth.usersessions.models import UserSession
from django.contrib.auth.models import AnonymousUser
from django.contrib.auth.signals import user_logged_in
from django.contrib.sessions.models import Session
from django.test import Client, RequestFactory
from django.utils import timezone

from clinic import sessions, staffing
from clinic.errors import Missing
from clinic.models import RoleAssignment
from clinic.security import tenancy
from clinic.security.permissions import Role
from clinic.security.sessions import SessionStore, digest_of
from clinic.security.tenancy import Actor, Origin
from clinic.sessions import Life

SECOND, MINUTE, HOUR = timedelta(seconds=1), timedelta(minutes=1), timedelta(hours=1)
STAFF = Actor(roles=frozenset({Role.NURSE}))
PORTAL = Actor(roles=frozenset({Role.PATIENT}))
LONGEST = 200  # of what a browser says of itself, in the table


def key_of(client: Client) -> str:
    return client.cookies["sessionid"].value


def told(client: Client) -> UserSession:
    """What is told of the browser's session."""
    return UserSession.objects.get(session_key=digest_of(key_of(client)))


def seen(client: Client, ago: timedelta, **more) -> UserSession:
    """Whoever uses the browser was last seen so long ago."""
    row = told(client)
    UserSession.objects.filter(pk=row.pk).update(last_seen_at=timezone.now() - ago, **more)
    return told(client)


def is_in(client: Client) -> bool:
    return client.get("/portal/").status_code == 200


def request_of(user, client: Client | None = None, **headers):
    """A request in the browser's session, or in a new one."""
    request = RequestFactory().get("/", headers=headers)
    request.user, request.session = user, SessionStore(key_of(client) if client else None)
    return request


class TestALife:
    @pytest.mark.parametrize(
        ("idle", "whole", "is_over", "left", "is_last"),
        [
            (15 * MINUTE, HOUR, False, 900, False),
            (15 * MINUTE, 5 * MINUTE, False, 300, True),
            (15 * MINUTE, 15 * MINUTE, False, 900, True),
            (SECOND, HOUR, False, 1, False),
            (timedelta(milliseconds=1), HOUR, False, 0, False),
            (timedelta(0), HOUR, True, 0, False),
            (HOUR, timedelta(0), True, 0, True),
            (-HOUR, HOUR, True, 0, False),
        ],
    )
    def test_ends_with_whichever_comes_first(self, idle, whole, is_over, left, is_last):
        life = Life(idle, whole)
        assert (life.is_over, life.left, life.is_last) == (is_over, left, is_last)
        assert sessions.OVER.is_over

    def test_is_counted_from_the_last_act_and_from_the_beginning(self):
        now = timezone.now()
        row = UserSession(last_seen_at=now - 4 * MINUTE, created_at=now - 2 * HOUR)
        assert sessions.life_of(row, 15 * MINUTE, now) == Life(11 * MINUTE, 10 * HOUR)

    def test_patients_are_given_longer(self, cast):
        assert sessions.idle_limit(STAFF) == 15 * MINUTE
        assert sessions.idle_limit(PORTAL) == 30 * MINUTE
        with cast.acting("john", portal=True) as john:
            assert sessions.idle_limit(john) == 30 * MINUTE

    @pytest.mark.parametrize("clinic", ["harbor", "austa"])
    def test_but_not_who_works_in_a_clinic(self, cast, clinic):
        facility = getattr(cast, clinic)
        with tenancy.system(facility):
            given = staffing.assign(user=cast.john, role=Role.NURSE, facility=facility)
        with cast.acting("john", portal=True) as john:
            assert john.is_portal and sessions.idle_limit(john) == 15 * MINUTE
        with tenancy.system(facility):
            RoleAssignment.objects.filter(pk=given.pk).update(is_active=False)
        with cast.acting("john", portal=True) as john:
            assert sessions.idle_limit(john) == 30 * MINUTE


class TestAnAct:
    def live(self, cast, client, actor=PORTAL, acts=True, user=None) -> Life:
        request = request_of(user or cast.john, client, **{"User-Agent": "New"})
        request.origin = Origin(address="192.0.2.6")
        return sessions.live(request=request, actor=actor, acts=acts)

    def test_begins_the_time_anew(self, cast, browse):
        john = browse("john")
        before = seen(john, 10 * MINUTE, ip="192.0.2.1", user_agent="Old")
        life = self.live(cast, john)
        assert life.idle == 30 * MINUTE and 11 * HOUR < life.whole < 12 * HOUR
        after = told(john)
        assert after.last_seen_at - before.last_seen_at >= 10 * MINUTE
        assert (after.ip, after.user_agent) == ("192.0.2.6", "New")
        assert after.created_at == before.created_at

    def test_that_nobody_made_does_not(self, cast, browse):
        john = browse("john")
        before = seen(john, 10 * MINUTE, ip="192.0.2.1")
        life = self.live(cast, john, acts=False)
        assert 19 * MINUTE < life.idle <= 20 * MINUTE
        assert (told(john).last_seen_at, told(john).ip) == (before.last_seen_at, "192.0.2.1")

    @pytest.mark.parametrize(("ago", "noted"), [(28 * SECOND, False), (31 * SECOND, True)])
    def test_is_noted_now_and_then(self, cast, browse, ago, noted):
        """Each sixtieth of the limit: fewer writes, and little is lost."""
        john = browse("john")
        before = seen(john, ago)
        assert self.live(cast, john).idle == 30 * MINUTE
        assert (told(john).last_seen_at > before.last_seen_at) is noted

    @pytest.mark.parametrize("acts", [False, True])
    def test_comes_too_late_after_the_end(self, cast, browse, acts):
        john = browse("john")
        before = seen(john, 30 * MINUTE + SECOND)
        assert self.live(cast, john, acts=acts).is_over
        assert told(john).last_seen_at == before.last_seen_at

    def test_in_anothers_session_or_in_none_counts_nothing(self, cast, browse):
        john = browse("john")
        assert self.live(cast, john, user=cast.jane) == sessions.OVER
        assert self.live(cast, None) == sessions.OVER
        UserSession.objects.create(user=cast.john, session_key="None", ip="::")
        assert self.live(cast, None) == sessions.OVER


class TestTheList:
    def of(self, cast, actor=PORTAL) -> list[str]:
        return [row.session_key for row in sessions.of(user=cast.john, actor=actor)]

    def test_is_of_ones_own_that_go_on_latest_use_first(self, cast, browse):
        first, second, _jane = browse("john"), browse("john"), browse("jane")
        seen(first, MINUTE), seen(second, 2 * MINUTE)
        keys = [digest_of(key_of(client)) for client in (first, second)]
        assert self.of(cast) == keys
        seen(first, 3 * MINUTE)
        assert self.of(cast) == keys[::-1]

    def test_is_without_what_is_over(self, cast, browse):
        idle, old, expired, gone, going = (browse("john") for _number in range(5))
        seen(idle, 30 * MINUTE)
        seen(old, MINUTE, created_at=timezone.now() - 12 * HOUR)
        stored = Session.objects.filter(session_key=digest_of(key_of(expired)))
        assert stored.update(expire_date=timezone.now()) == 1
        Session.objects.filter(session_key=digest_of(key_of(gone))).delete()
        assert self.of(cast) == [digest_of(key_of(going))]
        seen(going, 20 * MINUTE)
        assert self.of(cast, STAFF) == [], "who works here is given less time"


class TestEnding:
    def test_one_ends_alone_and_leaves_nothing(self, cast, browse):
        john, other, jane = browse("john"), browse("john"), browse("jane")
        sessions.end(session_id=told(other).pk, by=cast.john)
        left = {digest_of(key_of(client)) for client in (john, jane)}
        assert set(UserSession.objects.values_list("session_key", flat=True)) == left
        assert set(Session.objects.values_list("session_key", flat=True)) == left
        assert is_in(john) and is_in(jane) and not is_in(other)

    def test_anothers_is_not_there(self, cast, browse):
        jane = browse("jane")
        for pk in (told(jane).pk, told(jane).pk + 1000):
            with pytest.raises(Missing, match=r"^There is no such session\.$"):
                sessions.end(session_id=pk, by=cast.john)
        assert is_in(jane) and Session.objects.count() == 1

    @pytest.mark.parametrize("but", [True, False])
    def test_all_others_end(self, cast, browse, but):
        john, other, jane = browse("john"), browse("john"), browse("jane")
        sessions.end_others(user=cast.john, **({"but": key_of(john)} if but else {}))
        assert is_in(john) is but and is_in(jane) and not is_in(other)
        assert Session.objects.count() == UserSession.objects.count() == 1 + but


class TestANewPassword:
    def reset(self, cast, user, client: Client | None) -> None:
        password_reset.send(sender=None, request=request_of(user, client), user=cast.john)

    def test_leaves_the_session_in_which_it_was_chosen(self, cast, browse):
        john, other, jane = browse("john"), browse("john"), browse("jane")
        self.reset(cast, cast.john, john)
        assert is_in(john) and is_in(jane) and not is_in(other)

    @pytest.mark.parametrize("who", ["nobody", "jane"])
    def test_that_somebody_else_chose_ends_all(self, cast, browse, who):
        """By the letter's link, in whatever browser."""
        john, jane = browse("john"), browse("jane")
        if who == "jane":
            self.reset(cast, cast.jane, jane)
        else:
            self.reset(cast, AnonymousUser(), None)
        assert not is_in(john) and is_in(jane)


class TestSigningIn:
    def sign_in(self, cast, name="john", **headers) -> UserSession:
        request = request_of(cast.people[name], **headers)
        request.session.save()
        request.origin = Origin(address="192.0.2.6")
        user_logged_in.send(sender=None, request=request, user=cast.people[name])
        return UserSession.objects.get(session_key=digest_of(request.session.session_key))

    def test_is_kept_with_time_and_place(self, cast):
        before = timezone.now()
        row = self.sign_in(cast, **{"User-Agent": "x" * 500})
        assert (row.user_id, row.ip, row.user_agent) == (cast.john.pk, "192.0.2.6", "x" * LONGEST)
        assert before <= row.created_at == row.last_seen_at <= timezone.now()
        assert UserSession._meta.get_field("user_agent").max_length == LONGEST

    def test_by_a_socket_without_an_address_is_from_nowhere(self, cast, browse):
        row = told(browse("john"))
        assert (row.ip, row.user_agent) == (sessions.NOWHERE, "")

    def test_in_a_session_that_was_anothers_it_is_hers_from_now_on(self, cast, browse):
        john, before = browse("john"), timezone.now()
        seen(john, HOUR, created_at=before - HOUR)
        request = request_of(cast.jane, john)
        user_logged_in.send(sender=None, request=request, user=cast.jane)
        assert told(john).user_id == cast.jane.pk
        assert told(john).created_at == told(john).last_seen_at >= before

    def test_forgets_ones_own_that_are_over(self, cast, browse):
        over, young, jane = browse("john"), browse("john"), browse("jane")
        now = timezone.now()
        seen(over, HOUR, created_at=now - 12 * HOUR - SECOND)
        seen(young, HOUR, created_at=now - 12 * HOUR + MINUTE)
        seen(jane, HOUR, created_at=now - 13 * HOUR)
        keys = {digest_of(key_of(client)) for client in (young, jane)}
        row = self.sign_in(cast)
        assert set(UserSession.objects.values_list("session_key", flat=True)) == {
            *keys, row.session_key,
        }  # fmt: skip
        assert digest_of(key_of(over)) not in set(
            Session.objects.values_list("session_key", flat=True)
        )
