"""Charts as plain geometry: what the templates in templates/cr/ draw as SVG, without JavaScript.

x values are percent strings and y values are pixels, so a chart fills its card while its text
keeps its size on every screen. Nothing here knows the database, a request or a language.
"""

from clinic.charts.bars import BarChart, bar_chart
from clinic.charts.day import STEP, Calendar, Column, Visit, day_calendar
from clinic.charts.heat import HeatMap, heat_map
from clinic.charts.line import LineChart, Series, line_chart
from clinic.charts.rows import RowChart, row_chart
from clinic.charts.spark import Spark, spark

__all__ = [
    "STEP",
    "BarChart",
    "Calendar",
    "Column",
    "HeatMap",
    "LineChart",
    "RowChart",
    "Series",
    "Spark",
    "Visit",
    "bar_chart",
    "day_calendar",
    "heat_map",
    "line_chart",
    "row_chart",
    "spark",
]
