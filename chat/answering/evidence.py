"""What a sentence holds that could answer a question: a time, an amount, a person, a reason."""

from __future__ import annotations

import re

from chat.answering.questions import Kind
from chat.lexemes import fold

MONTHS = (
    r"(jan(uary|eiro)?|feb(ruary|rero)?|fev(ereiro)?|mar(ch|co|zo)?|apr(il)?|abr(il)?|may|maio|mayo|"
    r"june?|jun(ho|io)|july?|jul(ho|io)|aug(ust)?|ago(sto)?|sept?(ember|iembre)?|set(embro)?|"
    r"oct(ober|ubre)?|out(ubro)?|nov(ember|embro|iembre)?|dec(ember)?|dez(embro)?|dic(iembre)?|enero)"
)
COUNTED = (
    r"(\d+|an?|one|two|three|four|five|six|seven|eight|nine|ten|twelve|um|uma|dois|duas|tres|quatro|"
    r"cinco|seis|sete|oito|nove|dez|doze|un|una|dos|cuatro|siete|ocho|nueve|diez|doce)"
)
UNITS = (
    r"(hours?|days?|weeks?|months?|years?|minutes?|horas?|dias?|semanas?|mes(es)?|anos?|minutos?|"
    r"h|lifelong)"
)
TIME = re.compile(
    rf"\b{MONTHS}\b\.?|\b\d{{1,2}}[./-]\d{{1,2}}([./-]\d{{2,4}})?\b|\b(19|20)\d\d\b|"
    # A stretch of time says when only with a word that ties it to now: "in three years".
    rf"\b(in|within|after|every|em|en|dentro de|apos|ha|hace|a cada|cada) {COUNTED}( to \d+)? "
    rf"(more )?{UNITS}\b|\b{COUNTED} {UNITS} (ago|later|after|atras|depois|despues)\b|"
    r"\b(today|yesterday|tomorrow|hoje|ontem|amanha|hoy|ayer|manana|"
    r"childhood|infancia|ninez|next (week|month|year)|last (week|month|year)|"
    r"(at|aos|aged?|age of|com|since|desde|desde os|a los) \d\d?( (years|anos))?)\b"
)
SPAN = re.compile(
    rf"\b{COUNTED}([ -]\w+)? {UNITS}\b|\b(since|desde|until|ate|hasta|lifelong|from .* to)\b"
    rf"|{MONTHS}.*{MONTHS}"
)
# A count, a measure or a dose; not the parts of a date and not the number of a list's entry.
AMOUNT = re.compile(
    rf"(?<![\w./])[<>~-]?\d+([.,]\d+)?(?![\w])(?!\s+(de )?{MONTHS}\b)|"
    r"\b\d+([.,]\d+)?(mg|ml|mcg|g|kg|%)|\b\d+/\d+\b|"
    r"\b(once|twice|three times|uma vez|duas vezes|tres vezes|half|one|two|three|four|"
    r"five|six|seven|eight|nine|ten|dois|duas|tres|quatro|cinco|seis|sete|oito|nove|dez|no|none)\b"
)
DATES = re.compile(
    rf"\b\d{{1,2}} (de )?{MONTHS}( (de )?\d{{4}})?\b|\b{MONTHS} (\d{{1,2}}, )?(de )?(19|20)\d\d\b|"
    r"\b\d{1,2}[./-]\d{1,2}[./-]\d{2,4}\b|^\s*\d{1,2}[.)]\s"
)
PERSON = re.compile(
    r"\b(Dr|Dra|Mr|Mrs|Ms|Sr|Sra|Prof|Dona|Don|Doña)\b\.? ?[A-ZÀ-Ý]|"
    r"[A-ZÀ-Ý][a-zà-ÿ]+ [A-ZÀ-Ý][a-zà-ÿ]+|\b(daughter|son|wife|husband|mother|father|sister|"
    r"brother|uncle|aunt|grand\w+|filh[oa]|espos[oa]|marido|mãe|pai|irmã|irmão|avó|avô|ti[oa]|hij[oa]|madre|padre|herman[oa]|abuel[oa]|nurse|I)\b"
)
REASON = re.compile(
    r"\b(because|due to|owing to|as a result|caused by|cause|since|therefore|so that|in order to|"
    r"reason|for|after|por|porque|pois|devido|causa|motivo|em razao|portanto|ya que|debido|para)\b"
)
PLACE = re.compile(r"\b(at|in|to|on|em|no|na|nos|nas|ao|en|el|la|hospital|clinic|clinica)\b")
AHEAD = re.compile(
    rf"\b(will|due|next|repeat|return|follow-up|scheduled|booked|should|again|planned|retorno|proxim[oa]|"
    rf"repetir|agendad[oa]|marcad[oa]|sera|deve|control|controle|voltar|novo exame)\b|\b(in|em|en) "
    rf"{COUNTED} {UNITS}\b|\bstarts?\b|\bcom inicio\b"
)
PENDING = re.compile(
    r"\b(will|requested|ordered|planned|scheduled|booked|referr(al|ed)|awaiting|to be done|"
    r"should (have|be)|if|consider(ed)?|solicit\w+|pedid[oa]|aguard\w+|agendad[oa]|marcad[oa]|"
    r"repetir|repeat|retorno|return|encaminhad[oa]|pidio|programad[oa]|se realizara|sera)\b"
)
BY_KIND = {Kind.TIME: TIME, Kind.SPAN: SPAN, Kind.REASON: REASON, Kind.PLACE: PLACE}
FORMALITY = re.compile(
    r"^(dear|prezad[oa]|estimad[oa]|with kind regards|kind regards|sincerely|yours|atenciosamente|"
    r"cordialmente|saludos|thank you|to whom)\b"
)


def pieces(kind: Kind, sentence: str) -> list[tuple[int, int]]:
    """Return where `sentence` holds what a question of this kind asks for; empty where nowhere.

    Questions that ask for nothing of a known form get the empty list too; `demands` tells.
    """
    if kind is Kind.PERSON:
        return [found.span() for found in PERSON.finditer(sentence)]
    plain = flat(sentence)
    if kind is Kind.AMOUNT:
        without_dates = DATES.sub(lambda found: " " * len(found.group()), plain)
        return [found.span() for found in AMOUNT.finditer(without_dates)]
    pattern = BY_KIND.get(kind)
    return [found.span() for found in pattern.finditer(plain)] if pattern else []


def demands(kind: Kind) -> bool:
    """Whether an answer to this kind of question has a form that can be looked for."""
    return kind in BY_KIND or kind in (Kind.PERSON, Kind.AMOUNT)


def looks_ahead(sentence: str) -> bool:
    """Whether `sentence` speaks of something to come."""
    return bool(AHEAD.search(flat(sentence)))


def is_pending(sentence: str) -> bool:
    """Whether `sentence` speaks of something that is still to be done, and so has no result."""
    return bool(PENDING.search(flat(sentence)))


def is_formality(sentence: str) -> bool:
    """Whether `sentence` is a salutation or a closing."""
    return bool(FORMALITY.match(flat(sentence).strip()))


def flat(text: str) -> str:
    """Return `text` folded, letter for letter, so that places in it stay what they were."""
    folded = (fold(letter) for letter in text)
    return "".join(
        plain if len(plain) == 1 else letter for plain, letter in zip(folded, text, strict=True)
    )
