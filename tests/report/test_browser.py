"""The page in a real browser: it shows the right numbers, answers every control, asks nothing."""

from __future__ import annotations

import json
import re
import shutil
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch
from browser_page import CONTRASTS, NAMELESS, Page, wait
from fake_run import NASTY, FakeRun, page_of
from selenium.webdriver import ActionChains, Chrome, Keys
from selenium.webdriver.common.by import By
from transformers import AutoModelForCausalLM

from lexome.report import write_report


@pytest.fixture
def page(browser: Chrome, causal: FakeRun) -> Page:
    return Page(browser, page_of(causal.folder))


@pytest.mark.parametrize("kind", ["causal", "masked"])
def test_page_opens_without_errors_and_asks_for_nothing(
    kind: str, browser: Chrome, request: pytest.FixtureRequest
) -> None:
    run: FakeRun = request.getfixturevalue(kind)
    page = Page(browser, page_of(run.folder))
    for part in page.all("[data-part]"):
        assert part.text, part.get_attribute("data-part")
    assert page.troubles() == []
    assert page.requests() == [page_of(run.folder)]


def test_scores_and_ledger_show_the_numbers_of_the_run(page: Page, causal: FakeRun) -> None:
    shown = [
        tuple(
            cell.text.split("\n")[0] for cell in row.find_elements(By.CSS_SELECTOR, "th, .number")
        )
        for row in page.all("#score-bars tbody tr")
    ]
    values = [("this model", causal.evaluation["model"]["bits_per_unit"])]
    values += [(b["name"], b["bits_per_unit"]) for b in causal.evaluation["baselines"]]
    values.sort(key=lambda pair: pair[1])
    assert shown == [(name, f"{bits:.3f}") for name, bits in values]
    widths = [page.run("return arguments[0].offsetWidth", b) for b in page.all("#score-bars .bar")]
    assert np.allclose(
        np.array(widths) / widths[-1], [b / values[-1][1] for _, b in values], atol=0.01
    )
    total = page.one("#ledger tfoot .number").text
    assert total == f"{sum(p.numel() for p in causal.model.parameters()):,}"


def test_loss_chart_answers_pointer_keys_and_the_logarithm(page: Page, causal: FakeRun) -> None:
    losses = {line["step"]: line["loss"] for line in causal.metrics if "loss" in line}
    chart = page.one("#loss-chart")
    chart.send_keys(Keys.HOME)
    readout = page.text("#loss-readout")
    assert readout.startswith("Step1Tokens read4,096")
    assert f"Training{losses[1]:.3f}Running mean{losses[1]:.3f}" in readout
    chart.send_keys(Keys.ARROW_RIGHT)
    assert page.text("#loss-readout").startswith("Step2")
    assert f"{losses[2]:.3f}" in page.text("#loss-readout")
    before = page.one("#loss-chart path.smoothed").get_attribute("d")
    page.one("#log-steps").click()
    assert page.one("#log-steps").get_attribute("aria-pressed") == "true"
    assert page.one("#loss-chart path.smoothed").get_attribute("d") != before
    ActionChains(page.browser).move_to_element(page.one("#loss-chart")).perform()
    pointed = page.text("#loss-readout")
    assert not pointed.startswith("Step2T")
    first, last = (int(n) for n in page.text("#loss-readout dd").replace(",", "").split("–"))
    part = [losses[step] for step in range(first, last + 1)]
    assert f"{np.mean(part):.3f} ({min(part):.3f}–{max(part):.3f})" in pointed


def test_stepping_through_tokens_changes_the_bars(page: Page, causal: FakeRun) -> None:
    with torch.no_grad():
        peer = AutoModelForCausalLM.from_pretrained(causal.folder / "model").eval()
        tokens = page.inside()["inspections"][0]["tokens"]
        probabilities = peer(torch.tensor([tokens])).logits[0].double().softmax(-1)

    def check(position: int) -> None:
        shown = page.bars()
        wanted = probabilities[position].topk(10)
        assert [token for token, _ in shown[:10]] == wanted.indices.tolist()
        for (_, share), value in zip(shown, wanted.values.tolist(), strict=False):
            assert float(share.removesuffix("%")) == pytest.approx(100 * value, abs=0.06)
        rank = 1 + int(
            (probabilities[position] > probabilities[position, tokens[position + 1]]).sum()
        )
        assert (f"rank {rank}," if rank > 1 else "right,") in page.text("#prediction")
        truth = page.one("#probabilities .truth")
        assert truth.get_attribute("data-token") == str(tokens[position + 1])
        assert truth.find_element(By.CSS_SELECTOR, ".rank").text == str(rank)

    check(4)
    page.one("#next-token").click()
    check(5)
    page.one("#next-token").send_keys(Keys.ARROW_RIGHT)
    check(6)
    page.browser.switch_to.active_element.send_keys(Keys.ARROW_LEFT)
    check(5)
    page.all("#predictions .strip .chip")[3].click()
    check(2)
    page.browser.switch_to.active_element.send_keys(Keys.END)
    assert "The excerpt ends here" in page.text("#prediction")
    assert not page.one("#next-token").is_enabled()


def test_choosing_an_excerpt_changes_predictions_and_attention(page: Page) -> None:
    before = page.map(), page.text("#predictions .strip")
    page.run(
        "const s = document.getElementById('attention-prompt'); s.value = 1;"
        "s.dispatchEvent(new Event('change'))"
    )
    assert page.run("return document.getElementById('prediction-prompt').value") == "1"
    assert page.map() != before[0]
    assert page.text("#predictions .strip") != before[1]


def test_choosing_a_head_changes_the_map_and_pointing_reads_it(page: Page, causal: FakeRun) -> None:
    tokens = page.inside()["inspections"][0]["tokens"]
    peer = AutoModelForCausalLM.from_pretrained(
        causal.folder / "model", attn_implementation="eager"
    )
    with torch.no_grad():
        maps = torch.stack(peer.eval()(torch.tensor([tokens]), output_attentions=True).attentions)[
            :, 0
        ]
    first = page.map()
    page.one("[data-head='3']").click()
    assert page.text("#attention-head") == "Layer 2, head 2"
    assert page.map() != first
    area = page.one("#attention-map")
    page.run("arguments[0].scrollIntoView({ block: 'center' })", area)
    side, length = area.size["width"], len(tokens)
    row, column = 20, 7
    x, y = ((place + 0.5) * side / length - side / 2 for place in (column, row))
    ActionChains(page.browser).move_to_element_with_offset(area, int(x), int(y)).perform()
    said = page.text("#attention-said")
    read = re.search(rf"at {row} looks at .+ at {column}: (?:< )?([\d.]+)%", said)
    assert read is not None, said
    assert float(read[1]) == pytest.approx(100 * float(maps[1, 1, row, column]), abs=0.06)
    area.send_keys(Keys.ARROW_UP)
    assert f"at {row - 1} looks at " in page.text("#attention-said")
    page.one("[data-head='3']").send_keys(Keys.ARROW_LEFT)
    assert page.text("#attention-head") == "Layer 2, head 1"
    assert page.one("[data-head='2']").get_attribute("aria-checked") == "true"


def test_pointing_at_a_token_gives_its_neighbours_on_both_sides(
    page: Page, causal: FakeRun
) -> None:
    tokens = page.inside()["embeddings"]["tokens"]
    plot = page.one("#embedding-after")
    page.run("arguments[0].scrollIntoView({ block: 'center' })", plot)
    ActionChains(page.browser).move_to_element_with_offset(plot, 60, 40).perform()
    chosen = int(page.run("return document.getElementById('embedding-token').value"))
    for side, model in (("before", causal.initial), ("after", causal.model)):
        vectors = torch.nn.functional.normalize(model.embedding.weight.detach()[tokens], dim=-1)
        cosine = vectors @ vectors[chosen]
        cosine[chosen] = -2
        best = int(cosine.argmax())
        shown = page.one(f"#neighbours-{side} button").text.split()
        assert shown == [causal.tokenizer.token_label(tokens[best]), f"{float(cosine[best]):.2f}"]
    text = page.text("#neighbours-after")
    ActionChains(page.browser).click().perform()
    ActionChains(page.browser).move_to_element_with_offset(plot, -90, -60).perform()
    assert page.text("#neighbours-after") == text, "a click keeps the token"
    ActionChains(page.browser).move_to_element_with_offset(plot, 60, 40).click().perform()
    ActionChains(page.browser).move_to_element_with_offset(plot, -90, -60).perform()
    assert page.text("#neighbours-after") != text, "a second click lets it go"


def test_slider_shows_samples_and_nothing_in_them_acts(page: Page) -> None:
    slider = page.one("#sample-step")
    assert page.text(".step") == "Step 1,500"
    shown = page.text("#sample-texts")
    assert shown.startswith("The </script><script>window.hacked = 1</script><!-- ␀ ⟨U+202E⟩right")
    assert page.run("return window.hacked") is None
    assert len(page.all("script")) == 2
    slider.send_keys(Keys.ARROW_LEFT)
    assert page.text(".step") == "Step 500"
    assert page.text("#sample-texts") == "The quick dog jumps"
    slider.send_keys(Keys.HOME)
    assert page.text("#sample-texts") == "The teh qqk zz"


def test_hostile_strings_everywhere_stay_text(
    browser: Chrome, causal: FakeRun, tmp_path: Path
) -> None:
    folder = tmp_path / "runs" / "<b>&amp;"
    shutil.copytree(causal.folder, folder)
    hostile = "<img src=x onerror='window.hacked = 1'>" + NASTY
    evaluation = causal.evaluation | {"definition": hostile, "split": hostile, "unit": hostile}
    evaluation["baselines"] = [{"name": hostile, "bits_per_unit": 3.0}]
    (folder / "evaluation.json").write_text(json.dumps(evaluation))
    facts = json.loads((folder / "run.json").read_text()) | {hostile: hostile, "language": hostile}
    (folder / "run.json").write_text(json.dumps(facts))
    with (folder / "metrics.jsonl").open("a") as stream:
        stream.write(json.dumps({"step": 9, "event": hostile}) + "\n")
    write_report(folder)
    page = Page(browser, page_of(folder))
    assert page.one("h1").text == "<b>&amp;"
    assert page.all("img") == []
    assert page.run("return window.hacked") is None
    assert page.troubles() == []
    assert len(page.requests()) == 1


def test_a_run_with_nothing_yet_says_so(browser: Chrome, causal: FakeRun, tmp_path: Path) -> None:
    folder = tmp_path / "new"
    folder.mkdir()
    shutil.copy(causal.folder / "recipe.yaml", folder)
    write_report(folder)
    page = Page(browser, page_of(folder))
    assert page.troubles() == []
    parts = ("training", "samples", "scores", "predictions", "attention", "embeddings", "ledger")
    for part in parts:
        box = page.one(f"[data-part={part}] .missing")
        assert "lexome evaluate" in box.text if part == "scores" else "lexome train" in box.text


def test_masked_model_predicts_the_hidden_token(browser: Chrome, masked: FakeRun) -> None:
    page = Page(browser, page_of(masked.folder))
    assert "one token is hidden" in page.text("#predictions .lead")
    # The excerpt begins as its document does, with the begin token, which is never hidden.
    excerpt = page.inside()["inspections"][0]
    assert excerpt["tokens"][0] == masked.tokenizer.special.begin
    assert [p["position"] for p in excerpt["predictions"][:5]] == [1, 2, 3, 4, 5]
    assert page.text("#prediction").startswith("With token 6 hidden the model expects")
    assert "what next?" not in page.text("#predictions .strip")


def test_a_pseudo_likelihood_is_not_set_against_baselines(browser: Chrome, masked: FakeRun) -> None:
    page = Page(browser, page_of(masked.folder))
    assert "cannot be compared" in page.text(".verdict")
    assert "The bars do not compare" in page.text("#scores")
    assert "0.0123 bits per byte" in page.text("#scores")
    assert "fitted on a sample" in page.text("#score-bars")
    assert page.all("#loss-chart .levels line") == []


@pytest.mark.parametrize("width", [360, 400, 768, 1_400])
def test_no_horizontal_scrolling(width: int, browser: Chrome, causal: FakeRun) -> None:
    page = Page(browser, page_of(causal.folder), width)
    page.run("document.querySelectorAll('details').forEach((d) => { d.open = true; })")
    wait(lambda: page.run("return document.querySelector('#loss-chart').clientWidth") < width)
    assert page.run("return document.documentElement.scrollWidth <= innerWidth")
    assert page.run("return document.querySelector('#loss-chart').clientWidth") > 0.7 * min(
        width, 900
    )


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_all_text_has_contrast(theme: str, browser: Chrome, causal: FakeRun) -> None:
    page = Page(browser, page_of(causal.folder), theme=theme)
    page.run("document.querySelectorAll('details').forEach((d) => { d.open = true; })")
    grounds = page.run("return getComputedStyle(document.body).backgroundColor")
    assert grounds == {"light": "rgb(252, 251, 248)", "dark": "rgb(21, 23, 27)"}[theme]
    seen, bad = page.run(CONTRASTS)
    assert seen > 200
    assert bad == []


def test_every_control_has_a_name_and_headings_follow_each_other(page: Page) -> None:
    assert page.run(NAMELESS) == []
    levels = [int(heading.tag_name[1]) for heading in page.all("h1, h2, h3")]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(b - a <= 1 for a, b in pairwise(levels))
    targets = [link.get_attribute("href").split("#")[1] for link in page.all("nav a")]
    assert len(targets) == 10
    assert all(page.all(f"section#{target} h2") for target in targets)


def test_paper_shows_what_is_folded_and_no_buttons(page: Page) -> None:
    page.run("dispatchEvent(new Event('beforeprint'))")
    page.browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "print"})
    try:
        assert all(d.get_attribute("open") for d in page.all("details"))
        assert not page.one("nav").is_displayed()
        assert not page.one("#next-token").is_displayed()
        assert (
            page.run("return getComputedStyle(document.body).backgroundColor")
            == "rgb(255, 255, 255)"
        )
    finally:
        page.browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": ""})
