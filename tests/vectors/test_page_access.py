"""docs/verify.html keeps to itself, by its policy, and can be used by all: keyboard, names, contrast, small screens."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from app.verify import ringfence_verify
from tests.support.chromium import PageError, Tab, chromium
from tests.vectors.page_judge import VECTORS, judge_one
from tests.vectors.page_policy import PAGE, with_hashes

INDEX: list[dict[str, Any]] = json.loads((VECTORS / "vectors.json").read_text())
GOOD = next(vector for vector in INDEX if vector["name"] == "good-since")
WITHOUT_ED25519 = """const importKey = SubtleCrypto.prototype.importKey;
SubtleCrypto.prototype.importKey = function (form, data, algorithm, ...rest) {
  return algorithm.name === "Ed25519" ? Promise.reject(new DOMException("unknown", "NotSupportedError"))
    : importKey.call(this, form, data, algorithm, ...rest);
};"""
NAMELESS = """Array.from(document.querySelectorAll("input, textarea, button, progress"),
  field => field.labels?.length || field.ariaLabel || field.textContent.trim() ? null : field.id).filter(id => id)"""
CONTRAST = """(() => {
  const light = color => color.match(/\\d+/g).slice(0, 3).map(Number).map(part => part / 255)
    .map(part => part <= .04045 ? part / 12.92 : ((part + .055) / 1.055) ** 2.4)
    .reduce((sum, part, at) => sum + part * [.2126, .7152, .0722][at], 0);
  const ground = element => {
    for (let each = element; each; each = each.parentElement) {
      const color = getComputedStyle(each).backgroundColor;
      if (color !== "rgba(0, 0, 0, 0)") return color;
    }
  };
  const low = [];
  for (const element of document.querySelectorAll("h1, h2, p, li, label, legend, caption, th, td, span, code, button, summary, textarea")) {
    if (!element.checkVisibility()) continue;
    const [a, b] = [light(getComputedStyle(element).color), light(ground(element))].sort((x, y) => y - x);
    if ((a + .05) / (b + .05) < 4.5) low.push(`${element.localName}.${element.className} ${(a + .05) / (b + .05)}`);
  }
  return low;
})()"""  # noqa: E501


def test_the_policy_names_the_script_and_the_style_by_their_hashes() -> None:
    text = PAGE.read_text()
    assert text == with_hashes(text), "run: python -m tests.vectors.page_policy"


def test_the_policy_allows_nothing_else() -> None:
    (policy,) = re.findall(r'http-equiv="Content-Security-Policy" content="([^"]*)"', PAGE.read_text())
    rules = dict(rule.split(" ", 1) for rule in policy.split("; "))
    assert {name: rule for name, rule in rules.items() if "sha256" not in rule} == {
        "default-src": "'none'", "base-uri": "'none'", "form-action": "'none'",
    }  # fmt: skip
    assert rules.keys() == {"default-src", "script-src", "style-src", "base-uri", "form-action"}
    assert all(re.fullmatch(r"'sha256-[\w+/]{43}='", rules[name]) for name in ("script-src", "style-src"))


def test_a_changed_script_does_not_run(tmp_path: Path) -> None:
    changed = tmp_path / "verify.html"
    changed.write_text(PAGE.read_text().replace('"use strict";', '"use strict"; globalThis.changed = 1;'))
    with chromium() as tab:
        tab.open(PAGE)
        assert tab.evaluate("typeof judge") == "function"
        tab.open(changed)
        assert tab.evaluate("typeof judge + typeof changed") == "undefinedundefined"


def test_the_page_asks_the_network_for_nothing_and_stores_nothing(page: Tab) -> None:
    page.open(PAGE)
    assert page.requests() == [PAGE.as_uri()]
    assert judge_one(page, GOOD).verdict == "pass"
    assert page.requests() == [PAGE.as_uri()]
    assert page.evaluate("localStorage.length + sessionStorage.length + document.cookie.length") == 0
    assert page.evaluate("location.href") == PAGE.as_uri()


def test_the_policy_stops_a_request_of_a_script(page: Tab) -> None:
    with pytest.raises(PageError, match="Failed to fetch"):
        page.evaluate("fetch('https://ringfence.example/')")
    assert "Content Security Policy" in json.dumps(page.errors())


def test_without_ed25519_the_page_says_that_it_cannot_judge(page: Tab) -> None:
    assert page.evaluate("document.getElementById('unable').textContent") == ""
    script = page.call("Page.addScriptToEvaluateOnNewDocument", source=WITHOUT_ED25519)["identifier"]
    try:
        page.open(PAGE)
        said = page.evaluate("whatIsMissing().then(() => document.getElementById('unable').textContent)")
        assert said.startswith("This browser has no Ed25519")
        assert said.endswith("It cannot judge anything.")
        page.evaluate("start()")
        assert page.evaluate("document.getElementById('result').hidden") is True
    finally:
        page.call("Page.removeScriptToEvaluateOnNewDocument", identifier=script)


def test_the_keyboard_alone_verifies_and_leads_to_the_verdict(page: Tab) -> None:
    judge_one(page, GOOD)
    page.evaluate("document.getElementById('result').hidden = true; document.activeElement.blur(); scrollTo(0, 0)")
    reached = []
    for _ in range(30):
        _press(page, "Tab", 9)
        reached.append(page.evaluate("document.activeElement.id || document.activeElement.localName"))
        if reached[-1] == "verify":
            break
    assert reached[-1] == "verify"
    assert {"kind-bundle", "bundle", "keys", "keys-file", "since", "window", "summary"} < set(reached)
    _press(page, "Enter", 13)
    seen = "new Promise(done => { const look = () => document.activeElement.id === 'result-heading' ? done(true) : setTimeout(look, 5); look(); })"  # noqa: E501
    assert page.evaluate(seen)


def test_every_field_has_a_name_and_the_headings_and_the_table_are_real(page: Tab) -> None:
    judge_one(page, GOOD)
    page.evaluate("document.querySelector('details').open = true")
    assert page.evaluate(NAMELESS) == []
    assert page.evaluate("Array.from(document.querySelectorAll('h1,h2,h3'), each => each.localName)") == [
        "h1", "h2", "h2", "h2", "h2", "h2",
    ]  # fmt: skip
    assert page.evaluate("document.querySelector('table').caption.textContent.length") > 20
    assert page.evaluate("document.querySelectorAll('tbody tr').length") == len(ringfence_verify.BUNDLE_CLAIMS)
    assert page.evaluate("document.querySelectorAll('tbody th[scope=row]').length") == len(
        ringfence_verify.BUNDLE_CLAIMS
    )
    tree = page.call("Accessibility.getFullAXTree")["nodes"]
    roles = [node["role"]["value"] for node in tree if not node["ignored"]]
    assert roles.count("rowheader") == len(ringfence_verify.BUNDLE_CLAIMS)
    assert {"main", "form", "table", "columnheader", "status"} <= set(roles) | {"form"}


def test_the_verdict_is_announced_and_said_in_words(page: Tab) -> None:
    judge_one(page, GOOD)
    announced = "document.querySelector('[role=status]').textContent"
    assert page.evaluate(announced).startswith("PASS. Every claim that was checked holds.")
    judge_one(page, next(vector for vector in INDEX if vector["verdict"] == "fail"))
    assert page.evaluate(announced).startswith("FAIL. These claims do not hold: ")
    states = page.evaluate("Array.from(document.querySelectorAll('td.state'), each => each.textContent.slice(2))")
    assert {"PASS", "FAIL", "NOT CHECKED"} >= set(states) > {"FAIL"}


@pytest.mark.parametrize("field", ["keys", "window", "kind-proof", "quorum"])
def test_a_verdict_goes_when_the_form_changes(page: Tab, field: str) -> None:
    judge_one(page, GOOD)
    assert page.evaluate("document.getElementById('result').hidden") is False
    page.evaluate("document.querySelector('details').open = true")
    if field in ("keys", "quorum"):
        page.evaluate(f"document.getElementById('{field}').focus()")
        page.call("Input.insertText", text="1")
    else:
        page.evaluate(f"document.getElementById('{field}').click()")
    assert page.evaluate("document.getElementById('result').hidden") is True


def test_the_verdict_names_the_file_that_was_judged(page: Tab) -> None:
    judge_one(page, GOOD)
    page.evaluate("globalThis.judged = start(); document.getElementById('bundle').value = ''; judged")
    assert page.evaluate("document.getElementById('verdict').dataset.verdict") == "pass"
    named = page.evaluate("document.getElementById('subject').textContent")
    assert named.startswith("good-since.ndjson (")
    assert "key ringfence.example/acme+a1d03f5e; begun 20" in named


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("verdict", ["pass", "fail"])
def test_text_has_the_contrast_of_wcag_aa(page: Tab, scheme: str, verdict: str) -> None:
    page.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])
    assert judge_one(page, next(vector for vector in INDEX if vector["verdict"] == verdict)).verdict == verdict
    dark = page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(22, 24, 26)"
    assert dark is (scheme == "dark")
    assert page.evaluate(CONTRAST) == []


def test_a_narrow_screen_needs_no_scrolling_sideways(page: Tab) -> None:
    page.call("Emulation.setDeviceMetricsOverride", width=320, height=800, deviceScaleFactor=1, mobile=True)
    try:
        judge_one(page, GOOD)
        assert page.evaluate("document.documentElement.scrollWidth") == 320
    finally:
        page.call("Emulation.clearDeviceMetricsOverride")


def _press(tab: Tab, key: str, code: int) -> None:
    text = {"text": "\r"} if key == "Enter" else {}
    tab.call("Input.dispatchKeyEvent", type="keyDown", key=key, code=key, windowsVirtualKeyCode=code, **text)
    tab.call("Input.dispatchKeyEvent", type="keyUp", key=key, code=key, windowsVirtualKeyCode=code)
