"""What a charity's manager sees: figures of the network and of her charity, and nobody's record."""

from __future__ import annotations

from flask import Blueprint, make_response, render_template, request
from flask.typing import ResponseReturnValue

from app.charts import Bar
from app.security import me
from app.services import figures_csv as spreadsheet
from app.services import reports
from app.services.report_period import PERIODS, days_of
from app.services.report_shown import ShownFigures, ShownPart
from app.services.scarce import read_scarce

bp = Blueprint("manager", __name__, url_prefix="/figures")

SERIES = ("Paid for", "Slept in", "Waited for")


@bp.get("/")
def figures() -> ResponseReturnValue:
    """One page for a funding meeting: demand, beds and money, in words first."""
    found = _figures()
    return render_template(
        "manager/figures.html",
        figures=found,
        bars=[
            Bar(_nights(part), (part.funded, part.occupied, part.waited)) for part in found.parts
        ],
        series=SERIES,
        periods=list(PERIODS),
    )


@bp.get("/figures.csv")
def figures_csv() -> ResponseReturnValue:
    """The same figures as a file."""
    found = _figures()
    response = make_response(spreadsheet.as_csv(found))
    response.mimetype = "text/csv"
    name = f"figures-{found.period.days}-days.csv"
    response.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    return response


@bp.get("/scarce")
def scarce() -> ResponseReturnValue:
    """What is short in the whole network, as the plan prices it."""
    return render_template("manager/scarce.html", page=read_scarce(by=me()))


def _figures() -> ShownFigures:
    return reports.figures(days_of(request.args.get("days")), by=me())


def _nights(part: ShownPart) -> str:
    """A bar's label: one night, or the first and last of several."""
    first, last = part.first_night, part.last_night
    if first == last:
        return f"{first:%a} {first.day} {first:%b}"
    begins = str(first.day) if first.month == last.month else f"{first.day} {first:%b}"
    return f"{begins} to {last.day} {last:%b}"
