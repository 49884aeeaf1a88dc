"""What is to be told of a visit: noted on its row by the verb that books, moves or cancels it, in
the same transaction and at no cost, and made into messages by the worker (`scheduling.messages`).
"""

from scheduling.models import Appointment

News = Appointment.News


def note(visit: Appointment, news: Appointment.News) -> None:
    """Note what became of the visit, on the row that is about to be saved. Of one that nobody was
    told of yet only the last state is news: moved, it is still to be told as booked; canceled, not
    at all."""
    if visit.news == News.BOOKED:
        visit.news = News.BOOKED if news != News.CANCELED else ""
    else:
        visit.news = news
