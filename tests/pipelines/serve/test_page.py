"""The page in a real browser: what a person sees, types, drops and films. No request goes elsewhere."""

import os
import re
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.browser import BROWSER, needs_browser
from tests.clips import write_clip
from tests.pipelines.saved_models import sentiment_model, tokenizer, write_saved
from tests.pipelines.serve.serving import serving

sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")

pytestmark = needs_browser

TOKEN = "0123456789abcdef"
FAKE_CAMERA = ["--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream"]
HOSTILE = '<img src=x onerror="document.title=1"> <b>fine</b> & great\nfun </p><script>'


@pytest.fixture(scope="module")
def browser():
    with sync_api.sync_playwright() as playwright:
        options = ["--no-sandbox", "--disable-gpu", *FAKE_CAMERA]
        found = playwright.chromium.launch(executable_path=BROWSER, args=options)
        yield found
        found.close()


@contextmanager
def opened(browser, server, path="/", **options):
    """A page that is looked at; it fails at any error of a script and any request to another host."""
    wrong = []
    context = browser.new_context(**{"viewport": {"width": 900, "height": 900}} | options)
    page = context.new_page()
    page.set_default_timeout(60_000)
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on("console", lambda said: wrong.append(said.text) if is_fault(said) else None)
    page.on("request", lambda asked: wrong.append(asked.url) if not is_own(asked.url) else None)
    page.on(
        "websocket", lambda socket: wrong.append(socket.url) if not is_own(socket.url) else None
    )

    def is_own(url):
        return re.match(rf"(http|ws)://{re.escape(server.address)}/|data:|blob:", url)

    page.goto(f"http://{server.address}{path}")
    # The page asks for its model first. What is typed or chosen before its forms are shown goes nowhere,
    # and neither keys nor files wait for that by themselves.
    page.wait_for_selector("main:not([hidden]), #token-form:not([hidden])")
    try:
        yield page
    except sync_api.TimeoutError as late:
        # What the page says tells why.
        raise AssertionError(f"{wrong}\n{page.locator('body').inner_text()}") from late
    finally:
        context.close()
    assert wrong == []


def is_fault(said):
    # A refusal that the page shows is also told in the console.
    return said.type == "error" and "the server responded with a status of" not in said.text


def is_too_wide(page):
    """Whether the page must be scrolled sideways."""
    return page.evaluate("document.documentElement.scrollWidth > innerWidth")


def answered(page):
    page.wait_for_selector("#answer:not([hidden]):not([aria-busy]) .said")


def test_a_text_is_answered_and_explained(browser, texts):
    with opened(browser, texts) as page:
        page.get_by_label("Text", exact=True).fill(HOSTILE)
        page.get_by_role("button", name="Answer").click()
        answered(page)
        expected = texts.answer({"text": HOSTILE}).json
        assert page.locator("#answer .said").inner_text().startswith(expected["label"])
        # The text is shown as it is, and nothing in it is run.
        assert page.locator(".steps").evaluate("box => box.textContent") == HOSTILE
        assert page.locator(".steps img, .steps b, .steps script").count() == 0
        assert page.title() == "Many to one: sentiment"
        # By keyboard: from word to word, with its share.
        page.locator(".steps").focus()
        for key in ("ArrowRight", "End", "ArrowLeft", "Home"):
            page.keyboard.press(key)
        said = page.locator(".readout").inner_text()
        assert re.match(rf"word 1 of {expected['steps']} .* log-odds; so far .* positive", said)
        for k, name in enumerate(("What speaks for", "The answer so far", "Why not")):
            view = page.locator(".views label").nth(k)
            view.click()
            assert view.inner_text().startswith(name)
            assert page.locator(".chart polyline").count() == 2
        assert f"Why not {expected['runner_up']}" in page.locator(".why").inner_text()


def test_all_of_it_by_keyboard(browser, texts):
    with opened(browser, texts) as page:
        page.wait_for_selector("#text-form:not([hidden])")
        page.keyboard.press("Tab")
        page.keyboard.type("a fine lovely film")
        page.keyboard.press("Control+Enter")
        answered(page)
        names = []
        for _ in range(5):
            page.keyboard.press("Tab")
            names.append(
                page.evaluate("document.activeElement.id || document.activeElement.className")
            )
        assert names[:2] == ["ask-text", "text-example"]
        assert "steps" in names


LIVE_SAYS = "said => document.querySelector('#live-said').textContent.includes(said)"


def test_the_answer_so_far_while_one_types(browser, texts):
    with opened(browser, texts) as page:
        text = page.get_by_label("Text", exact=True)
        text.press_sequentially("a fine lovely")
        expected = texts.answer({"text": "a fine lovely"}).json
        said = f"So far: {expected['label']}, {100 * expected['probability']:.1f}"
        page.wait_for_function(LIVE_SAYS, arg=said)
        # What is changed before the end begins anew.
        text.fill("an awful bore")
        expected = texts.answer({"text": "an awful bore"}).json
        said = f"So far: {expected['label']}, {100 * expected['probability']:.1f}"
        page.wait_for_function(LIVE_SAYS, arg=said)


def test_a_clip_is_chosen_dropped_and_refused(browser, clips, tmp_path):
    path = write_clip(tmp_path / "<b>a&b.mp4", num_frames=20)
    (tmp_path / "no.mp4").write_text("no clip")
    with opened(browser, clips) as page:
        page.locator("#file").set_input_files(path)
        answered(page)
        assert page.locator("#answer").inner_text().startswith(path.name)
        assert page.locator(".frames img").count() == 12
        assert "20 frames read" in page.locator("#answer").inner_text()
        page.locator("[aria-label^='the frames']").focus()
        page.keyboard.press("End")
        assert page.locator(".readout").inner_text().startswith("frame 20 of 20, 0.76 s")
        page.locator("#file").set_input_files(tmp_path / "no.mp4")
        page.wait_for_selector("#alert:not([hidden])")
        assert page.locator("#alert").inner_text().startswith("no.mp4: ")
        assert page.locator("#answer").is_hidden()
        page.evaluate(DROP, list(path.read_bytes()))
        answered(page)
        assert page.locator("#answer").inner_text().startswith("dropped.mp4")
        assert page.locator("#alert").is_hidden()


DROP = """bytes => {
  const data = new DataTransfer();
  data.items.add(new File([new Uint8Array(bytes)], "dropped.mp4"));
  document.querySelector("#file-form").dispatchEvent(
    new DragEvent("drop", { dataTransfer: data, bubbles: true, cancelable: true }));
}"""


SAID = "document.querySelector('#camera-curve').textContent"
NUM_FRAMES = f"parseInt(/([0-9]+) frames so far/.exec({SAID})?.[1])"
MANY_FRAMES, FEW_FRAMES = f"() => {NUM_FRAMES} >= 8", f"() => {NUM_FRAMES} < 8"


def test_the_camera_is_answered_frame_by_frame(browser, clips):
    with opened(browser, clips) as page:
        page.get_by_role("button", name="Camera").click()
        page.wait_for_selector("#camera-chances .chances")
        page.wait_for_function(MANY_FRAMES)
        assert page.locator("#camera-curve polyline").count() == 2
        page.get_by_role("button", name="Begin anew").click()
        page.wait_for_function(FEW_FRAMES)
        page.get_by_role("button", name="Stop").click()
        assert page.locator("#camera").is_hidden()
        assert page.evaluate("document.activeElement.id") == "camera-button"
    while clips.metric("streams_open"):
        pass


@pytest.mark.slow
def test_a_picture_of_the_camera_is_captioned(browser, checkpoints):
    with serving(checkpoints / "captions.ckpt") as server, opened(browser, server) as page:
        page.get_by_role("button", name="Camera").click()
        page.get_by_role("button", name="Take a picture").click()
        answered(page)
        assert page.locator("#answer .frames img, #answer .seen img").count() == 1


@pytest.mark.slow
def test_a_translation_with_its_attention(browser, checkpoints):
    with serving(checkpoints / "translation.ckpt") as server, opened(browser, server) as page:
        page.get_by_label("Text", exact=True).fill("fine dull film")
        page.get_by_role("button", name="Answer").click()
        answered(page)
        expected = server.answer({"text": "fine dull film"}).json
        assert page.locator("#answer .said").inner_text() == expected["text"]
        page.locator(".written").focus()
        page.keyboard.press("End")
        assert "looks at" in page.locator(".readout").inner_text()
        page.get_by_text("All at once").click()
        rows, columns = len(expected["tokens"]), len(expected["source_tokens"])
        assert page.locator(".matrix td").count() == rows * columns


@pytest.mark.parametrize("scheme", ["dark", pytest.param("light", marks=pytest.mark.slow)])
def test_on_a_phone_nothing_is_too_wide(browser, texts, clips, tmp_path, scheme):
    path = write_clip(tmp_path / "a.mp4", num_frames=20)
    # From the start: a page that is resized may move a button away from under a click.
    options = {"color_scheme": scheme, "viewport": {"width": 360, "height": 700}}
    with opened(browser, texts, **options) as page:
        page.get_by_label("Text", exact=True).fill("a fine film " + "x" * 200)
        page.get_by_role("button", name="Answer").click()
        answered(page)
        assert not is_too_wide(page)
        light = (
            page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
        )
        assert light == (scheme == "light")
        page.goto(f"http://{texts.address}/api")
        page.wait_for_selector("#api h3")
        assert not is_too_wide(page)
    with opened(browser, clips, **options) as page:
        page.locator("#file").set_input_files(path)
        answered(page)
        assert not is_too_wide(page)


@pytest.mark.slow
def test_a_token_is_entered_in_the_page(browser, checkpoints):
    with (
        serving(checkpoints / "sentiment.ckpt", token=TOKEN) as server,
        opened(browser, server) as page,
    ):
        page.get_by_label("Token").fill("a wrong one")
        page.get_by_role("button", name="Use it").click()
        page.wait_for_function(
            "() => document.querySelector('#alert').textContent.includes('wrong')"
        )
        page.get_by_label("Token").fill(TOKEN)
        page.keyboard.press("Enter")
        page.get_by_label("Text", exact=True).fill("a fine film")
        page.wait_for_selector("#live:not([hidden])")  # the stream has the token too
        page.get_by_role("button", name="Answer").click()
        answered(page)
        assert page.locator("#token-form").is_hidden()


@pytest.mark.slow
def test_hostile_names_of_classes_are_text(browser, tmp_path):
    names = ["<img src=x onerror=alert(1)>", "b & c"]
    inputs = {"classes": names, "tokenizer": tokenizer().to_str()}
    write_saved(tmp_path / "a.ckpt", model=sentiment_model(classes=names), inputs=inputs)
    with serving(tmp_path / "a.ckpt") as server, opened(browser, server) as page:
        page.get_by_label("Text", exact=True).fill("a fine film")
        page.get_by_role("button", name="Answer").click()
        answered(page)
        assert page.locator("#answer img, #about img").count() == 0
        assert names[0] in page.locator("#about").inner_text()


END_OF_ANSWER = "Math.ceil(document.querySelector('#answer').getBoundingClientRect().bottom + 16)"


@pytest.mark.slow
def test_the_picture_of_the_readme(browser, checkpoints, tmp_path):
    """A picture of the page; the environment says of which model, and where it goes."""
    checkpoint = Path(os.environ.get("MANYTOONE_SCREENSHOT_CKPT", checkpoints / "sentiment.ckpt"))
    folder = Path(os.environ.get("MANYTOONE_SCREENSHOTS", tmp_path))
    with serving(checkpoint) as server, opened(browser, server) as page:
        page.get_by_role("button", name="Example").click()
        answered(page)
        box = page.locator(".steps, [aria-label^='the frames'], .written").first
        box.focus()
        for _ in range(13):
            page.keyboard.press("ArrowRight")
        page.wait_for_timeout(500)
        page.evaluate("scrollTo(0, 0)")
        path = folder / "serve.png"
        height = page.evaluate(END_OF_ANSWER)
        clip = {"x": 0, "y": 0, "width": 900, "height": height}
        page.screenshot(path=path, full_page=True, clip=clip)
    assert path.stat().st_size > 20_000
