"""axe-core on a page: what it finds against WCAG 2.2 AA and good practice, in one line each.

The script comes inside the axe-playwright-python package, so nothing is fetched.
"""

from collections.abc import Sequence

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

OPTIONS = {"resultTypes": ["violations"]}


def violations(page: Page, only: Sequence[str] = ()) -> list[str]:
    """Each rule that the page breaks, with the first elements that break it; of all rules, or of
    those named."""
    options = OPTIONS | ({"runOnly": {"type": "rule", "values": list(only)}} if only else {})
    found = Axe().run(page, options=options).response["violations"]
    return [
        f"{rule['id']} ({rule['impact']}): {rule['help']}: "
        + "; ".join(node["html"][:160] for node in rule["nodes"][:3])
        for rule in found
    ]
