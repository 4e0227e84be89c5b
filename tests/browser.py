"""A real, headless Chromium for the tests of the pages: what was asked for, complained of, and heard."""

import shutil
from pathlib import Path

import pytest

FLAGS = ('--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
         '--disable-component-update', '--disable-sync')
LISTEN = '''
const connect = AudioNode.prototype.connect;
AudioNode.prototype.connect = function (target, ...rest) {
    if (target === this.context.destination) {
        window.probe = new AnalyserNode(this.context);
        connect.call(this, window.probe);
    }
    return connect.call(this, target, ...rest);
};
window.loudness = () => {
    const waveform = new Float32Array(2048);
    window.probe?.getFloatTimeDomainData(waveform);
    return Math.max(...waveform);
};
'''


class Opened:
    """A page opened from `file://`."""

    ready = 'true'  # what holds, in the page, once it can be used
    originals = False  # whether the sound map plays them: through an element, which `loudness` does not hear

    def __init__(self, chromium, path, address='', script='', **options):
        self.folder = Path(path).parent.resolve().as_uri()
        self.complaints, self.requests = [], []
        self.page = chromium.new_page(viewport={'width': 1300, 'height': 850}, **options)
        self.page.on('console', lambda message: message.type == 'error' and self.complaints.append(message.text))
        self.page.on('pageerror', lambda error: self.complaints.append(str(error)))
        self.page.on('requestfailed', lambda request: self.complaints.append(request.url))
        self.page.on('request', lambda request: self.requests.append(request.url))
        self.page.add_init_script(LISTEN + script)
        self.page.goto(Path(path).resolve().as_uri() + address)
        self.page.wait_for_function(self.ready)
        self.allowed = [self.folder, 'data:', 'blob:']  # how the addresses begin that the page may ask for
        if not self.originals:
            self.js('() => { if (document.getElementById("original")?.checked) byId("original").click(); }')

    def js(self, expression, argument=None):
        return self.page.evaluate(expression, argument)

    def wait_for_sound(self):
        self.page.wait_for_function('loudness() > 0.01', timeout=15_000)

    def wait_for_silence(self):
        self.page.wait_for_function('loudness() < 0.001', timeout=15_000)


@pytest.fixture(scope='session')
def chromium():
    executable = shutil.which('chromium')
    if not executable:
        pytest.skip('there is no chromium: apt-get install chromium')
    sync_api = pytest.importorskip('playwright.sync_api', reason='pip install playwright')
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def page_class():
    return Opened


@pytest.fixture
def open_page(chromium, page_class):
    opened = []

    def open_one(*arguments, **options):
        opened.append(page_class(chromium, *arguments, **options))
        return opened[-1]

    yield open_one
    for one in opened:
        one.page.close()
        assert not one.complaints
        assert all(url.startswith(tuple(one.allowed)) for url in one.requests)
