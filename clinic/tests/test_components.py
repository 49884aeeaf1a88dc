"""The design's components: what they promise to a reader, a keyboard and a screen reader."""

import re
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from django import forms
from django.template import Context, Template
from django.template.loader import get_template, render_to_string
from django.test import RequestFactory
from django.urls import include, path
from django.utils import timezone, translation

from clinic.charts import Series, line_chart
from clinic.templatetags import cr, portal, written

ROOT = Path(__file__).resolve().parents[2]
STYLES = ROOT / "static" / "chartroom"
TEMPLATES = sorted((ROOT / "templates").rglob("*.html"))
PAGES = [path for path in TEMPLATES if "emails" not in path.parts]  # letters carry their own style
TUESDAY = datetime(2026, 11, 24, 10, 0, tzinfo=UTC)
NBSP = "\N{NO-BREAK SPACE}"


def rendered(source: str, **context) -> str:
    return Template("{% load cr portal %}" + source).render(Context(context))


class Letter(forms.Form):
    name = forms.CharField(label="Name", help_text="As in the passport")
    phone = forms.CharField(label="Phone", required=False)
    agree = forms.BooleanField(label="I agree")
    kind = forms.ChoiceField(
        label="Kind", choices=[("a", "Letter"), ("b", "Result")], widget=forms.RadioSelect
    )
    topic = forms.ChoiceField(label="Topic", choices=[("x", "X")])
    notes = forms.CharField(label="Notes", widget=forms.Textarea, required=False)
    file = forms.FileField(label="File", required=False)
    origin = forms.CharField(widget=forms.HiddenInput, initial="desk")


def letter_with_errors() -> Letter:
    form = Letter({"phone": "1"})
    form.is_valid()
    return form


class TestField:
    def test_label_hint_and_control_belong_together(self):
        html = rendered("{% field form.name %}", form=Letter())
        assert '<label class="cr-label" for="id_name">Name' in html
        assert 'id="id_name_helptext">As in the passport' in html
        assert 'aria-describedby="id_name_helptext"' in html
        assert "(optional)" not in html

    def test_the_error_stands_above_the_control_and_is_tied_to_it(self):
        html = rendered("{% field form.name %}", form=letter_with_errors())
        assert html.index('id="id_name_error"') < html.index("<input")
        assert 'aria-describedby="id_name_helptext id_name_error"' in html
        assert 'aria-invalid="true"' in html
        assert "cr-field-bad" in html

    def test_of_boxes_none_is_an_answer_too(self):
        class Roles(forms.Form):
            roles = forms.MultipleChoiceField(
                choices=[("nurse", "Nurse")], widget=forms.CheckboxSelectMultiple, required=False
            )

        html = rendered("{% field form.roles %}", form=Roles())
        assert "Nurse" in html and "(optional)" not in html

    def test_an_optional_field_says_so(self):
        assert "Phone (optional)" in rendered("{% field form.phone %}", form=Letter())
        html = rendered("{% field form.phone show_optional=False %}", form=Letter())
        assert "(optional)" not in html

    def test_a_check_box_stands_in_its_label(self):
        html = rendered("{% field form.agree %}", form=Letter())
        assert re.search(r'<label class="cr-check" for="id_agree"><input type="checkbox"', html)

    def test_radios_are_a_group_with_a_legend(self):
        html = rendered("{% field form.kind %}", form=letter_with_errors())
        assert '<fieldset class="cr-field cr-field-bad" aria-describedby="id_kind_error">' in html
        assert "<legend" in html
        assert html.count('type="radio"') == 2
        assert 'for="id_kind_0"' in html and 'for="id_kind_1"' in html

    @pytest.mark.parametrize(("name", "tag"), [("topic", "<select"), ("notes", "<textarea")])
    def test_other_controls_have_our_class(self, name, tag):
        html = rendered("{% field form." + name + " %}", form=Letter())
        control = html[html.index(tag) :]
        assert 'class="cr-input"' in control[: control.index(">")]

    def test_a_hidden_field_is_only_itself(self):
        html = rendered("{% field form.origin %}", form=Letter())
        assert html.strip().startswith('<input type="hidden"')
        assert "cr-field" not in html

    def test_keyboard_and_filling_in_are_helped(self):
        html = rendered(
            '{% field form.phone autocomplete="tel" inputmode="tel" width="m" %}', form=Letter()
        )
        assert 'autocomplete="tel"' in html and 'inputmode="tel"' in html
        assert 'class="cr-input cr-w-m"' in html

    def test_no_placeholder_stands_for_a_label(self):
        form = Letter()
        form.fields["name"].widget.attrs["placeholder"] = "Name"
        assert "placeholder" not in rendered("{% field form.name %}", form=form)

    def test_fields_shows_every_field_once(self):
        html = rendered("{% fields form %}", form=Letter())
        for name in Letter.base_fields:
            assert f'name="{name}"' in html

    def test_what_was_typed_is_escaped(self):
        form = Letter({"name": "<script>alert(1)</script>"})
        assert "<script>" not in rendered("{% field form.name %}", form=form)


class TestErrorSummary:
    def test_each_error_leads_to_its_field(self):
        html = rendered("{% error_summary form %}", form=letter_with_errors())
        assert 'role="alert"' in html
        assert 'href="#id_name">Name: ' in html
        assert 'href="#id_kind_0">Kind: ' in html

    def test_a_label_that_asks_is_no_question_there(self):
        form = letter_with_errors()
        form["name"].label = "Who is it?"
        assert ">Who is it: " in rendered("{% error_summary form %}", form=form)

    def test_errors_of_the_whole_form_come_first(self):
        form = letter_with_errors()
        form.add_error(None, "That time was just taken.")
        html = rendered("{% error_summary form %}", form=form)
        assert html.index("just taken") < html.index("#id_name")

    def test_a_good_form_has_no_summary(self):
        assert rendered("{% error_summary form %}", form=Letter()).strip() == ""

    def test_the_page_title_tells_of_errors(self):
        assert rendered("{% error_prefix form %}", form=letter_with_errors()) == "Error: "
        assert rendered("{% error_prefix form %}", form=Letter()) == ""
        assert rendered("{% error_prefix form %}", form=None) == ""


class TestSmallParts:
    def test_an_icon_is_silent_unless_it_has_a_label(self):
        assert 'aria-hidden="true"' in cr.icon("pill")
        assert 'role="img" aria-label="Yes &amp; no"' in cr.icon("check", "Yes & no")

    def test_arrows_are_mirrored_from_right_to_left(self):
        assert "cr-flip" in cr.icon("chevron-right")
        assert "cr-flip" not in cr.icon("pill")

    def test_a_badge_has_the_icon_of_its_tone_and_escapes_its_word(self):
        assert "<svg" in cr.badge("New", "info")
        assert "<svg" not in cr.badge("Draft")
        assert "<b>" not in cr.badge("<b>bold</b>", "warn")

    def test_an_unknown_tone_is_a_mistake_of_the_template(self):
        with pytest.raises(KeyError):
            cr.badge("New", "red")

    def test_a_card_is_named_by_its_heading(self):
        html = rendered('{% card title="To do" id="todo" %}<p>Inside</p>{% endcard %}')
        assert 'aria-labelledby="todo"' in html
        assert '<h2 class="cr-card-title" id="todo">To do</h2>' in html
        assert "<p>Inside</p>" in html

    def test_a_table_names_its_cells_for_narrow_screens(self):
        html = rendered(
            "{% datatable 'Visits' headers rows %}",
            headers=[("When", False), ("Minutes", True)],
            rows=[["24 Nov", 20]],
        )
        assert '<th role="rowheader" scope="row">24 Nov</th>' in html
        assert 'data-label="Minutes" class="cr-n"' in html

    def test_a_row_of_another_length_is_refused(self):
        with pytest.raises(ValueError):
            rendered("{% datatable 'Visits' headers rows %}", headers=[("A", False)], rows=[[1, 2]])

    def test_an_avatar_keeps_its_colour(self):
        assert cr.avatar("Ana Sá") == cr.avatar("Ana Sá")
        assert ">AS<" in cr.avatar("Dr Ana Sá")

    def test_a_qr_code_is_drawn_inline(self):
        svg = '<svg width="9mm" viewBox="0 0 9 9"><path d="M1,1H2V2z" fill="#000"/></svg>'
        html = cr.qr_code(svg, "Code")
        assert 'viewBox="0 0 9 9"' in html and 'd="M1,1H2V2z"' in html
        assert "mm" not in html
        with pytest.raises(ValueError):
            cr.qr_code("<svg onload=alert(1)>", "Code")

    @pytest.mark.parametrize(
        ("cookie", "chosen"),
        [("dark", "dark"), ("light", "light"), ("x onload=", "auto"), ("", "auto")],
    )
    def test_the_theme_comes_from_the_cookie_only_if_it_is_one(self, cookie, chosen):
        request = RequestFactory().get("/")
        request.COOKIES["theme"] = cookie
        assert rendered("{% theme %}", request=request) == chosen

    def test_without_a_request_the_theme_is_the_device_s(self):
        assert rendered("{% theme %}") == "auto"


class TestWriting:
    @pytest.mark.parametrize(
        ("language", "long", "short"),
        [
            ("en", "Tuesday 24 November 2026, 10:00", "24 Nov 2026, 10:00"),
            ("pt-br", "terça-feira, 24 de novembro de 2026, 10:00", "24 nov 2026, 10:00"),
            ("es", "martes, 24 de noviembre de 2026, 10:00", "24 nov 2026, 10:00"),
        ],
    )
    def test_moments_in_each_language(self, language, long, short):
        with translation.override(language):
            assert written.long_moment(TUESDAY).lower() == long.lower()
            assert written.short_moment(TUESDAY) == short

    def test_the_clock_has_24_hours(self):
        with translation.override("en"):
            assert written.clock(TUESDAY.replace(hour=15, minute=5)) == "15:05"

    def test_nothing_is_written_of_no_date(self):
        assert written.long_date(None) == written.clock(None) == written.recent_moment(None) == ""

    @pytest.mark.parametrize(
        ("days", "start"), [(0, "Today, "), (-1, "Yesterday, "), (1, "Tomorrow, ")]
    )
    def test_near_days_are_named(self, days, start):
        moment = timezone.localtime().replace(hour=12) + timedelta(days=days)
        assert written.recent_moment(moment) == f"{start}{moment:%H:%M}"

    def test_far_days_are_dates(self):
        assert written.recent_moment(TUESDAY.replace(year=2020)) == "24 Nov 2020, 10:00"

    def test_an_old_measurement_names_its_year(self, monkeypatch):
        monkeypatch.setattr(timezone, "localdate", lambda: date(2026, 12, 1))
        assert written.measured_on(TUESDAY) == "24 Nov"
        assert written.measured_on(TUESDAY.replace(year=2021)) == "24 Nov 2021"
        assert written.measured_on(None) == ""

    def test_days_of_the_week_are_short(self):
        assert written.weekday(TUESDAY) == "Tue"
        assert written.weekday(None) == ""

    @pytest.mark.parametrize(
        ("minutes", "text"),
        [
            (None, ""), (0, ""), (15, "15 min"), (119, "119 min"), (120, "2 hours"),
            (20_160, "14 days"),
        ],
    )  # fmt: skip
    def test_how_long_something_took(self, minutes, text):
        assert written.lasting(minutes) == text

    @pytest.mark.parametrize(
        ("value", "unit", "en", "pt"),
        [
            ("2.50", "mg", f"2.5{NBSP}mg", f"2,5{NBSP}mg"),
            (1200, "mL", f"1,200{NBSP}mL", f"1.200{NBSP}mL"),
            ("131/82", "mmHg", f"131/82{NBSP}mmHg", f"131/82{NBSP}mmHg"),
            ("1E+2", "", "100", "100"),
            (-0.5, "", "-0.5", "-0,5"),
            (None, "mg", "", ""),
            ("NaN", "", "NaN", "NaN"),
        ],
    )
    def test_amounts(self, value, unit, en, pt):
        with translation.override("en"):
            assert written.amount(value, unit) == en
        with translation.override("pt-br"):
            assert written.amount(value, unit) == pt

    @pytest.mark.parametrize(
        ("days", "text"),
        [(365 * 52 + 20, "52 years"), (400, "13 months"), (5, "5 days"), (1, "1 day")],
    )
    def test_ages(self, days, text):
        assert written.age(timezone.localdate() - timedelta(days=days)) == text

    def test_a_year_is_full_on_the_birthday(self, monkeypatch):
        monkeypatch.setattr(timezone, "localdate", lambda: date(2026, 11, 24))
        assert written.age(date(1996, 11, 25)) == "29 years"
        assert written.age(date(1996, 11, 24)) == "30 years"

    @pytest.mark.parametrize(
        ("name", "letters"),
        [("Marta de Oliveira", "MO"), ("Dr. Ana Sá", "AS"), ("Cher", "C"), ("", ""), ("Dr", "D")],
    )
    def test_initials(self, name, letters):
        assert written.initials(name) == letters

    def test_a_phone_number_is_dialled_without_its_spaces(self):
        assert written.dialled("+1 (555) 010-2000") == "+15550102000"

    def test_a_browser_is_named_in_words(self):
        agent = "Mozilla/5.0 (Windows NT 10.0) AppleWebKit Chrome/140 Safari/537 Edg/140"
        assert written.browser(agent) == "Edge on Windows"
        assert written.browser("curl/8") == "curl/8"
        assert written.browser("") == "Unknown browser"


class TestChartsOnThePage:
    def chart(self) -> str:
        context = {
            "id": "bp",
            "title": "Weight",
            "takeaway": "Less than in May.",
            "unit": "kg",
            "chart": line_chart(["1 May", "1 Jun"], [Series("Weight", [76.5, 74.25])], goals=[70]),
        }
        return render_to_string("cr/chart_line.html", context)

    def test_the_drawing_is_described_and_repeated_as_a_table(self):
        html = self.chart()
        assert 'role="img" aria-label="Weight. Less than in May.' in html
        assert '<th scope="row">1 Jun</th>' in html

    def test_coordinates_keep_their_point_where_numbers_have_a_comma(self):
        with translation.override("pt-br"):
            html = self.chart()
        assert not re.search(r'\s(?:x|y|x1|x2|y1|y2|cx|cy|height)="[\d.]*,', html)
        assert f"74,25{NBSP}kg" in html


class TestPortalLinks:
    def test_a_query_is_added_without_what_is_none(self, settings):
        settings.ROOT_URLCONF = "clinic.tests.test_components"
        assert portal.portal_url("record") == "/portal/record/"
        assert portal.portal_url("record", page=2, day=None) == "/portal/record/?page=2"


class TestPolicy:
    """What the content security policy and the design forbid is in no template."""

    @pytest.mark.parametrize("path", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
    def test_templates_carry_no_inline_style_or_script(self, path):
        source = re.sub(r"{% comment %}.*?{% endcomment %}", "", path.read_text(), flags=re.S)
        assert not re.search(r"\sstyle\s*=", source)
        assert not re.search(r"<style|javascript:|data:image", source)
        assert not re.search(r"\son[a-z]+\s*=", source)
        assert not re.search(r"<script(?![^>]*\bsrc=)", source)

    @pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: str(path.relative_to(ROOT)))
    def test_every_template_compiles(self, path):
        get_template(str(path.relative_to(ROOT / "templates")))

    def test_every_icon_that_a_template_names_is_there(self):
        named = set()
        for template in TEMPLATES:
            source = template.read_text()
            named |= set(re.findall(r'{% icon "([a-z0-9-]+)"', source))
            named |= set(re.findall(r'\bicon="([a-z0-9-]+)"', source))
        named |= {name for name in cr.ALERT_ICONS.values() if name}
        named |= {section.icon for section in portal.SECTIONS}
        assert named - {path.stem for path in cr.ICON_FOLDER.glob("*.svg")} == set()

    def test_both_dark_themes_are_the_same(self):
        css = (STYLES / "chartroom.css").read_text()
        blocks = re.findall(r"color-scheme: dark;(.*?)}", css, re.S)
        chosen, by_device = (re.findall(r"(--[\w-]+):\s*([^;]+);", block) for block in blocks)
        assert chosen and chosen == by_device

    def test_colours_outside_the_tokens_are_rare(self):
        """The rules name tokens; only white, black and shades for print and QR codes are raw."""
        rules = (STYLES / "portal.css").read_text()
        assert re.findall(r"#[0-9a-f]{3,8}\b(?!\s*{)", rules) == []

    @pytest.mark.parametrize("name", ["400", "403", "403_csrf", "404", "429", "500", "503"])
    def test_error_pages_render_with_nothing(self, name, settings):
        plain = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
        settings.STORAGES = settings.STORAGES | {"staticfiles": plain}
        html = get_template(f"{name}.html").template.render(Context())
        assert "<h1>" in html and 'href="/"' in html


def record(request):
    """Stands for a page of the portal; only its address is asked for."""


urlpatterns = [path("portal/", include(([path("record/", record, name="record")], "portal")))]
