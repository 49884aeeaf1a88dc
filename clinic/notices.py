"""The pages on which people read their notices share this: what is listed, and what a press does.

Opening a notice marks it read; so does “Mark all as read”. Both are forms, because a link may be
followed by who only looks ahead.
"""

from uuid import UUID

from django.core.paginator import Page, Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect

from clinic import notifications
from clinic.api.fields import UUID_TEXT

A_PAGE = 20


def listed(request: HttpRequest) -> dict[str, object]:
    """What templates/cr/notices.html takes."""
    mine = notifications.of(request.user)
    page: Page = Paginator(mine.unread_first(), A_PAGE).get_page(request.GET.get("page"))
    return {"notices": page, "unread": mine.unread().count()}


def answer(request: HttpRequest, *, page: str) -> HttpResponse:
    """Open the notice that was pressed, or mark all; `page` is the name of the list's address."""
    if "all" in request.POST:
        notifications.mark_all_read(by=request.user)
        return redirect(page)
    wanted = request.POST.get("notice", "")
    known = UUID_TEXT.fullmatch(wanted) and notifications.of(request.user).filter(pk=UUID(wanted))
    notice = known.first() if known else None
    if notice is None:
        raise Http404
    notifications.mark_read(notice, by=request.user)
    return redirect(notice.link or page)
