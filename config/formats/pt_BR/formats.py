"""Brazilian Portuguese: terça-feira, 24 de novembro de 2026, 10:00; in tables 24 nov 2026."""

DATE_FORMAT = r"j \d\e F \d\e Y"
TIME_FORMAT = "H:i"
DATETIME_FORMAT = r"j \d\e F \d\e Y, H:i"
YEAR_MONTH_FORMAT = r"F \d\e Y"
MONTH_DAY_FORMAT = r"j \d\e F"
SHORT_DATE_FORMAT = "j b Y"
SHORT_DATETIME_FORMAT = "j b Y, H:i"

LONG_DATE_FORMAT = r"l, j \d\e F \d\e Y"
LONG_DATETIME_FORMAT = r"l, j \d\e F \d\e Y, H:i"
NEAR_DATE_FORMAT = r"l, j \d\e F"
NEAR_DATETIME_FORMAT = r"l, j \d\e F, H:i"
DAY_MONTH_FORMAT = "j b"

FIRST_DAY_OF_WEEK = 0
DATE_INPUT_FORMATS = ["%Y-%m-%d", "%d %m %Y", "%d/%m/%Y", "%d.%m.%Y"]
TIME_INPUT_FORMATS = ["%H:%M", "%H:%M:%S", "%Hh%M"]
DATETIME_INPUT_FORMATS = ["%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M", "%d/%m/%Y %H:%M"]

DECIMAL_SEPARATOR = ","
THOUSAND_SEPARATOR = "."
NUMBER_GROUPING = 3
