"""A page of ours in the staff's site."""

from typing import Any

from django import forms
from django.contrib import admin
from django.core.exceptions import ImproperlyConfigured
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.views.generic import TemplateView

from clinic.errors import Missing, Refused
from clinic.forms import add_refusal
from clinic.security.permissions import Permission


class Page(TemplateView):
    """A page that states the permission it needs; without one it does not start.

    `fragment` is the template that answers htmx: the part of the page that refreshes itself.
    """

    required: Permission | None = None
    title: Any = ""
    fragment = ""

    @classmethod
    def as_view(cls, **initkwargs):
        if cls.required is None:
            raise ImproperlyConfigured(f"{cls.__name__} states no permission.")
        return super().as_view(**initkwargs)

    def dispatch(self, request: HttpRequest, *args, **kwargs) -> HttpResponse:
        request.actor.require(self.required)
        return super().dispatch(request, *args, **kwargs)

    @property
    def is_fragment(self) -> bool:
        return bool(self.fragment) and bool(self.request.htmx)

    def get_template_names(self) -> list[str]:
        return [self.fragment if self.is_fragment else self.template_name]

    def get_context_data(self, **kwargs) -> dict[str, Any]:
        context = super().get_context_data(**kwargs)
        if self.is_fragment:
            return context
        frame = admin.site.each_context(self.request)
        return frame | {"title": self.title, "is_fullwidth": "1", "model_admin": None} | context


class FormPage(Page):
    """A page with one form, whose POST is a verb.

    Subclasses give `form_class`, `carry_out(form)`, which calls the verb, and `done()`, the address
    that follows. What the verb refuses stands on the form, and nothing is stored.
    """

    form_class: type[forms.Form]

    def get_form(self, data=None, files=None) -> forms.Form:
        return self.form_class(data, files, **self.form_arguments())

    def form_arguments(self) -> dict[str, Any]:
        return {}

    def carry_out(self, form: forms.Form) -> None:
        raise NotImplementedError

    def done(self) -> str:
        raise NotImplementedError

    def post(self, request: HttpRequest, *args, **kwargs) -> HttpResponse:
        form = self.get_form(request.POST, request.FILES)
        if form.is_valid():
            try:
                self.carry_out(form)
                return HttpResponseRedirect(self.done())
            except Missing as missing:
                if not set(missing.fields) & set(form.fields):
                    raise
                add_refusal(form, missing)
            except Refused as refused:
                add_refusal(form, refused)
        return self.render_to_response(self.get_context_data(form=form, **kwargs), status=400)

    def get_context_data(self, **kwargs) -> dict[str, Any]:
        kwargs.setdefault("form", None)
        if kwargs["form"] is None:
            kwargs["form"] = self.get_form()
        return super().get_context_data(**kwargs)
