"""The dashboard as a person meets it: open, wait until it is drawn, read, type."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

SLOWEST_MS = 30_000


def visit(browser: Any, address: str, path: str = "/", width: int = 1_400, **query: str) -> Any:
    """A page for somebody who was never here, with the scripts of the last one still in the cache; a request beyond
    this machine is kept in `outside`.
    """
    contexts = (
        one for one in browser.contexts if one.pages and (one.pages[0].viewport_size or {}).get("width") == width
    )
    context = next(contexts, None) or browser.new_context(viewport={"width": width, "height": 900})
    page = context.new_page()
    page.set_default_timeout(SLOWEST_MS)
    page.outside = []
    page.on(
        "request",
        lambda request: (
            page.outside.append(request.url) if urlsplit(request.url).hostname not in ("127.0.0.1", None) else None
        ),
    )
    page.goto(address + path + ("?" + urlencode(query) if query else ""))
    page.wait_for_function("window.headroomHistory")
    drawn(page)
    return page


def drawn(page: Any) -> None:
    """Wait until the script has run and nothing is stale."""
    page.wait_for_selector("[data-testid=stHeading] h2, [data-testid=stAlert]")
    page.wait_for_function(
        "document.querySelector('[data-testid=stApp]').getAttribute('data-test-script-state') === 'notRunning'"
    )
    page.wait_for_function("!document.querySelector('[data-stale=true]')")


def go(page: Any, section: str, title: str) -> None:
    """Choose a page in a section of the navigation."""
    page.get_by_text(section, exact=True).first.click()
    page.get_by_role("menuitem", name=title).click()


def type_in(page: Any, label: str, text: str) -> None:
    """Fill a number and wait for the answer."""
    field = page.get_by_role("spinbutton", name=label)
    field.fill(text)
    field.press("Enter")
    page.wait_for_timeout(400)
    drawn(page)


def shows(page: Any, label: str, text: str) -> None:
    """Wait until a number reads like this: a field mounts with its default before it takes its value."""
    page.wait_for_function(
        "([label, text]) => document.querySelector(`input[aria-label='${label}']`)?.value === text", arg=[label, text]
    )


def verdict(page: Any) -> str:
    text: str = page.locator("[data-testid=stHeading] h2").first.inner_text()
    return text


def query(page: Any) -> dict[str, str]:
    """The parameters in the address bar."""
    return dict(parse_qsl(urlsplit(page.url).query))
