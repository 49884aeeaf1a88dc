"""Phone numbers, as they are written and as they are dialled."""

import phonenumbers


def e164(text: str, country: str) -> str:
    """The number as the whole world dials it (E.164); one without a country is read as one of
    `country` (two letters). Empty for what is no number that could be."""
    try:
        number = phonenumbers.parse(text, country)
    except phonenumbers.NumberParseException:
        return ""
    if not phonenumbers.is_possible_number(number):
        return ""
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
