"""The geometry of charts: what is drawn where, and what happens at the edges."""

from datetime import date, time
from decimal import Decimal
from itertools import pairwise

import pytest

from clinic.charts import (
    Column,
    Series,
    Visit,
    bar_chart,
    day_calendar,
    heat_map,
    line_chart,
    spark,
)
from clinic.charts.scale import fitting_scale, round_step

TOP, BOTTOM = 14, 250


def grid_values(chart):
    return [line.value for line in chart.grid]


def x(point):
    return float(point.x.rstrip("%"))


class TestScale:
    @pytest.mark.parametrize(
        ("span", "step"), [(5, 1), (9, 2), (12, 2.5), (78, 20), (0.4, 0.1), (3000, 1000)]
    )
    def test_steps_are_round(self, span, step):
        assert round_step(span) == pytest.approx(step)

    def test_ends_hold_all_values(self):
        scale = fitting_scale([82, 152, 135], top=TOP, bottom=BOTTOM)
        assert (scale.low, scale.high, scale.step) == (80, 160, 20)
        assert scale.y(160) == TOP
        assert scale.y(80) == BOTTOM

    def test_equal_values_stand_in_the_middle(self):
        scale = fitting_scale([50, 50, 50], top=TOP, bottom=BOTTOM)
        assert scale.low < 50 < scale.high
        assert scale.y(50) == pytest.approx((TOP + BOTTOM) / 2)

    def test_zeros_have_a_scale(self):
        scale = fitting_scale([0, 0], top=TOP, bottom=BOTTOM)
        assert scale.low < 0 < scale.high

    def test_negative_values(self):
        scale = fitting_scale([-7.5, 3], top=TOP, bottom=BOTTOM)
        assert scale.low <= -7.5
        assert scale.y(-7.5) > scale.y(3)

    def test_grid_lines_are_written_without_rounding_dust(self):
        scale = fitting_scale([0.1, 0.7], top=TOP, bottom=BOTTOM)
        assert [line.value for line in scale.grid()] == [0, 0.2, 0.4, 0.6, 0.8]


class TestLineChart:
    def test_no_readings_draw_an_empty_frame(self):
        chart = line_chart([], [Series("Weight", [])], goals=[70])
        assert chart.series[0].points == []
        assert chart.series[0].last is None
        assert chart.ticks == chart.goals == chart.rows == []

    def test_one_reading_stands_in_the_middle(self):
        chart = line_chart(["17 Nov"], [Series("Weight", [74.2])])
        (point,) = chart.series[0].points
        assert point.x == "52.00%"
        assert chart.series[0].segments == []
        assert chart.series[0].last == point

    def test_points_run_from_left_to_right(self):
        chart = line_chart(["a", "b", "c"], [Series("Weight", [1, 2, 3])])
        assert [p.x for p in chart.series[0].points] == ["9.00%", "52.00%", "95.00%"]
        ys = [p.y for p in chart.series[0].points]
        assert ys == sorted(ys, reverse=True)

    def test_time_decides_the_distance(self):
        days = [date(2026, 1, 1), date(2026, 1, 2), date(2026, 1, 11)]
        chart = line_chart(["1", "2", "11"], [Series("Weight", [1, 2, 3])], at=days)
        first, second, third = chart.series[0].points
        assert x(second) - x(first) == pytest.approx((x(third) - x(first)) / 10, abs=0.01)

    def test_readings_of_one_moment_do_not_divide_by_zero(self):
        day = date(2026, 1, 1)
        chart = line_chart(["1", "1"], [Series("Weight", [1, 2])], at=[day, day])
        assert {p.x for p in chart.series[0].points} == {"52.00%"}

    def test_a_missing_value_is_left_out_and_bridged(self):
        chart = line_chart(["a", "b", "c"], [Series("Weight", [1, None, 3])])
        assert len(chart.series[0].points) == 2
        assert len(chart.series[0].segments) == 1
        assert chart.rows[1].values == [None]

    def test_goal_and_band_are_on_the_scale(self):
        chart = line_chart(
            ["a", "b"], [Series("Weight", [76, 74])], goals=[70], band=(Decimal(60), Decimal(75))
        )
        assert min(grid_values(chart)) <= 60
        assert chart.band.height > 0
        assert chart.band.y < chart.goals[0] < chart.band.y + chart.band.height

    def test_decimals_of_the_database_are_taken(self):
        chart = line_chart(["a", "b"], [Series("Weight", [Decimal("74.2"), Decimal("76.8")])])
        assert chart.series[0].last.value == 76.8

    def test_labels_keep_their_distance_and_the_newest_stays(self):
        labels = [str(n) for n in range(20)]
        chart = line_chart(labels, [Series("Weight", list(range(20)))])
        places = [x(tick) for tick in chart.ticks]
        assert chart.ticks[-1].text == "19"
        assert all(b - a >= 17 for a, b in pairwise(places))

    def test_last_values_that_would_overlap_are_moved_apart(self):
        chart = line_chart(["a", "b"], [Series("Upper", [100, 81]), Series("Lower", [60, 80])])
        upper, lower = (one.last_text_y for one in chart.series)
        assert abs(upper - lower) >= 16

    def test_four_series_are_refused(self):
        with pytest.raises(ValueError, match="at most 3"):
            line_chart(["a"], [Series(str(n), [n]) for n in range(4)])

    def test_a_series_of_another_length_is_refused(self):
        with pytest.raises(ValueError, match="each label"):
            line_chart(["a", "b"], [Series("Weight", [1])])


class TestBarChart:
    def test_parts_stack_from_zero(self):
        chart = bar_chart([("Mon", [3, 1])], ["Read", "Change"])
        lower, upper = chart.bars[0].parts
        assert lower.y + lower.height == pytest.approx(chart.grid[0].y)
        assert upper.y + upper.height < lower.y
        assert chart.bars[0].total == 4

    def test_no_rows(self):
        chart = bar_chart([], ["Read"])
        assert chart.bars == []
        assert grid_values(chart) == [0, 1]

    def test_all_zero_draws_no_bar(self):
        chart = bar_chart([("Mon", [0, 0])], ["Read", "Change"])
        assert chart.bars[0].parts == []
        assert chart.bars[0].total == 0

    def test_steps_of_counts_are_whole(self):
        assert grid_values(bar_chart([("Mon", [3])], ["Read"])) == [0, 1, 2, 3]

    def test_a_small_part_is_never_invisible(self):
        chart = bar_chart([("Mon", [10_000, 1])], ["Read", "Change"])
        assert chart.bars[0].parts[1].height >= 0.5

    def test_rare_events_are_numbers_under_the_axis(self):
        chart = bar_chart([("Mon", [3]), ("Tue", [2])], ["Read"], notes={"Tue": 1})
        assert [bar.note for bar in chart.bars] == [0, 1]
        assert chart.axis_text_y < chart.note_y < chart.height

    def test_many_bars_show_fewer_labels_and_always_the_newest(self):
        chart = bar_chart([(str(n), [n]) for n in range(12)], ["Read"])
        shown = [bar.label for bar in chart.bars if bar.shows_label]
        assert shown[-1] == "11"
        assert len(shown) <= 8

    def test_negative_counts_are_refused(self):
        with pytest.raises(ValueError, match="negative"):
            bar_chart([("Mon", [-1])], ["Read"])

    def test_a_row_that_does_not_fit_the_keys_is_refused(self):
        with pytest.raises(ValueError, match="each key"):
            bar_chart([("Mon", [1, 2])], ["Read"])


class TestSpark:
    def test_nothing_to_draw(self):
        assert spark([]) is None

    def test_one_value_is_a_dot_in_the_middle(self):
        assert (spark([5]).last_x, spark([5]).last_y) == (55.0, 14.0)

    def test_equal_values_are_a_level_line(self):
        assert spark([5, 5, 5]).points == "4.0,14.0 55.0,14.0 106.0,14.0"

    def test_the_dot_is_on_the_last_value(self):
        drawn = spark([3, -1, 7])
        assert drawn.points.endswith(f"{drawn.last_x},{drawn.last_y}")
        assert drawn.last_y == 4.0


class TestHeatMap:
    def test_levels_follow_the_highest_count(self):
        chart = heat_map(["0–12", "12–24"], [("Mon", [0, 1]), ("Tue", [50, 100])])
        assert [[cell.level for cell in row.cells] for row in chart.rows] == [[0, 1], [3, 5]]

    def test_all_zero(self):
        assert heat_map(["a"], [("Mon", [0])]).rows[0].cells[0].level == 0

    def test_no_rows(self):
        assert heat_map([], []).rows == []


def visit(start, end, what="Ana"):
    return Visit(time.fromisoformat(start), time.fromisoformat(end), what)


def cells_at(calendar, at):
    return next(row.cells for row in calendar.rows if row.at == time.fromisoformat(at))


class TestDayCalendar:
    def test_without_specialists_the_day_is_empty(self):
        calendar = day_calendar([])
        assert calendar.rows[0].at == time(8)
        assert calendar.rows[-1].at == time(17, 45)
        assert all(row.cells == [] for row in calendar.rows)

    def test_a_visit_spans_its_quarters(self):
        calendar = day_calendar([Column("Dr Smith", [visit("09:00", "09:45")])])
        (cell,) = cells_at(calendar, "09:00")
        assert cell.span == 3
        assert cells_at(calendar, "09:15") == []
        assert cells_at(calendar, "09:45")[0].visits == []

    def test_a_visit_off_the_quarter_touches_the_rows_around_it(self):
        calendar = day_calendar([Column("Dr Smith", [visit("10:20", "11:10")])])
        assert cells_at(calendar, "10:15")[0].span == 4

    def test_overlapping_visits_share_a_cell(self):
        visits = [visit("11:00", "11:30", "Rui"), visit("11:15", "12:00", "Eva")]
        (cell,) = cells_at(day_calendar([Column("Dr Smith", visits)]), "11:00")
        assert [one.what for one in cell.visits] == ["Rui", "Eva"]
        assert cell.span == 4

    def test_visits_that_follow_each_other_have_their_own_cells(self):
        calendar = day_calendar(
            [Column("Dr Smith", [visit("09:00", "09:30"), visit("09:30", "10:00")])]
        )
        assert cells_at(calendar, "09:00")[0].span == 2
        assert cells_at(calendar, "09:30")[0].span == 2

    def test_off_hours_are_marked(self):
        hours = [(time(9), time(12)), (time(13), time(16))]
        calendar = day_calendar([Column("Dr Smith", [], hours)])
        off = [row.at for row in calendar.rows if row.cells[0].off]
        assert time(8, 45) in off and time(12, 30) in off and time(16) in off
        assert time(9) not in off and time(15, 45) not in off

    def test_the_table_grows_with_early_and_late_work(self):
        calendar = day_calendar(
            [Column("Dr Smith", [visit("06:30", "07:00")], [(time(7), time(20, 30))])]
        )
        assert calendar.rows[0].at == time(6)
        assert calendar.rows[-1].at == time(20, 45)

    def test_a_visit_past_midnight_ends_with_the_day(self):
        calendar = day_calendar([Column("Dr Smith", [visit("23:30", "00:30")])])
        assert cells_at(calendar, "23:30")[0].span == 2
        assert calendar.rows[-1].at == time(23, 45)

    def test_every_row_fills_every_column(self):
        """Spans and cells add up to the same number of rows in each column."""
        columns = [
            Column(
                "A", [visit("08:00", "08:20"), visit("08:10", "09:00"), visit("17:00", "18:10")]
            ),
            Column("B", [visit("12:00", "13:00")]),
        ]
        calendar = day_calendar(columns)
        total = sum(cell.span for row in calendar.rows for cell in row.cells)
        assert total == len(calendar.rows) * len(columns)
