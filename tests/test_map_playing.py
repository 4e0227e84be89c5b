"""The sound map as an instrument: what is heard, when, and what stops it, in a real, headless Chromium."""

from pathlib import Path
from shutil import copytree

import numpy as np
import pytest
from test_sound_map import MISSING, N_NOTES, MapPage, make_map, note_names

pytestmark = pytest.mark.thorough

SOUNDING = [i for i in range(N_NOTES) if i != MISSING]
LOG = '''() => {
    window.heard = [];
    const {voiced} = app;
    app.voiced = function (note, ...rest) {
        heard.push(note);
        return voiced.call(this, note, ...rest);
    };
}'''
START_TIMES = '''
window.times = [];
const {start} = AudioBufferSourceNode.prototype;
AudioBufferSourceNode.prototype.start = function (when, ...rest) {
    times.push(when);
    return start.call(this, when, ...rest);
};'''
# As Firefox is at times: the context takes 1.9 s to run, and says so by its event only.
SLOW_CONTEXT = '''
window.AudioContext = class extends AudioContext {
    constructor(options) {
        super(options);
        super.suspend();
    }
    resume() {
        setTimeout(() => super.resume(), window.resumeMilliseconds ?? 1900);
        return new Promise(() => {});
    }
};'''
ELEMENTS = '''
window.elements = [];
const {play} = HTMLMediaElement.prototype;
HTMLMediaElement.prototype.play = function () {
    elements.push(this);
    return play.call(this);
};'''


class PlayingPage(MapPage):
    """Logs the notes that sound in `heard`."""

    def __init__(self, *arguments, **options):
        super().__init__(*arguments, **options)
        self.js(LOG)

    def heard(self):
        return self.js('heard')

    def wait_for_heard(self, count):
        self.page.wait_for_function('count => heard.length >= count', arg=count)

    def point_at(self, note, dx=0.0, dy=0.0):
        x, y = self.place(note)
        self.page.mouse.move(x + dx, y + dy)

    def drag(self, path, **options):
        """Drag the mouse along `path`, [(x, y), ...]."""
        self.page.mouse.move(*path[0])
        self.page.mouse.down()
        for x, y in path[1:]:
            self.page.mouse.move(x, y, **options)
        self.page.mouse.up()

    def ground(self):
        """Return a place on the screen, of a grid, that is far from all notes."""
        box = self.page.locator('#stage').bounding_box()
        x, y = (np.array(self.js(f'Array.from(app.stage.camera.{axis})')) for axis in 'xy')
        grid = [(i, j) for i in range(40, int(box['width']) - 40, 20) for j in range(40, int(box['height']) - 40, 20)]
        far = max(grid, key=lambda place: np.hypot(x - place[0], y - place[1]).min())
        return box['x'] + far[0], box['y'] + far[1]

    def camera(self):
        return self.js('app.stage.camera.pose()')

    def status(self):
        return self.page.inner_text('#status')

    def set(self, **controls):
        self.js('''controls => {
            for (const [id, value] of Object.entries(controls)) {
                if (typeof value === 'boolean') byId(id).checked = value;
                else byId(id).value = value;
            }
        }''', controls)

    def touch(self, kind, *points):
        self.session = getattr(self, 'session', None) or self.page.context.new_cdp_session(self.page)
        self.session.send('Input.dispatchTouchEvent', {
            'type': kind, 'touchPoints': [{'x': x, 'y': y, 'id': i} for i, (x, y) in enumerate(points)]})


class OriginalsPage(PlayingPage):
    originals = True


@pytest.fixture
def page_class():
    return PlayingPage


@pytest.fixture(scope='module')
def root(tmp_path_factory):
    return make_map(tmp_path_factory.mktemp('played'), note_names())[0]


@pytest.fixture
def index(root):
    return root / 'run/map/index.html'


@pytest.fixture
def opened(index, open_page):
    return open_page(index)


# Pressing, dragging, hovering.

def test_a_note_sounds_as_soon_as_it_is_pressed(opened):
    note = opened.lonely(among=SOUNDING)
    opened.point_at(note)
    opened.page.mouse.down()
    opened.wait_for_sound()
    assert opened.heard() == [note]
    opened.page.mouse.up()
    assert opened.js('app.store.state.note') == note and opened.js('app.card.playhead.getAnimations().length') == 1
    opened.page.wait_for_timeout(100)
    assert opened.heard() == [note]


def test_a_drag_that_starts_on_a_note_moves_the_map_and_shows_no_card(opened):
    note, before = opened.lonely(among=SOUNDING), opened.camera()
    opened.drag([opened.place(note), np.add(opened.place(note), (60, 40))], steps=3)
    assert opened.camera() != before and opened.heard() == [note] and opened.js('app.store.state.note') == -1


def test_the_right_and_the_middle_button_play_nothing(opened):
    note = opened.lonely(among=SOUNDING)
    for button in ('right', 'middle'):
        opened.page.mouse.click(*opened.place(note), button=button)
    opened.page.wait_for_timeout(200)
    assert opened.heard() == [] and opened.js('app.store.state.note') == -1


def test_the_tool_play_plays_what_a_drag_passes(opened):
    before = opened.camera()
    first, second = opened.lonely(among=SOUNDING[:20]), opened.lonely(among=SOUNDING[20:])
    opened.page.keyboard.press('p')
    opened.set(poly=True)
    opened.drag([opened.place(first), opened.place(second)])  # in one move: what lies between is not skipped
    opened.page.wait_for_function('note => heard.at(-1) === note', arg=second)
    heard = opened.heard()
    assert heard[0] == first and len(heard) == len(set(heard))
    assert opened.camera() == before and opened.js('app.store.state.note') == second


def test_a_finger_on_a_note_plays_what_it_passes_and_on_empty_ground_moves_the_map(index, open_page):
    opened = open_page(index, has_touch=True)
    before = opened.camera()
    first, second = opened.lonely(among=SOUNDING[:20]), opened.lonely(among=SOUNDING[20:])
    opened.touch('touchStart', opened.place(first))
    opened.wait_for_heard(1)
    opened.touch('touchMove', opened.place(second))
    opened.page.wait_for_function('note => heard.at(-1) === note', arg=second)
    opened.touch('touchEnd')
    assert opened.heard()[0] == first and opened.camera() == before
    count, (x, y) = len(opened.heard()), opened.ground()
    opened.touch('touchStart', (x, y))
    opened.touch('touchMove', (x + 30, y + 40))
    opened.touch('touchEnd')
    opened.page.wait_for_function('app.stage.camera.panY !== 0')
    assert opened.camera() != before and len(opened.heard()) == count


def test_the_first_touch_sounds_when_the_finger_is_lifted(index, open_page):
    """A browser grants sound to a finger only then; Playwright's own calls would count as deeds of a user."""
    opened = open_page(index, has_touch=True, script='''
        let lifted = false;
        addEventListener('pointerup', () => lifted = true, true);
        Object.defineProperty(Navigator.prototype, 'userActivation', {get: () => ({hasBeenActive: lifted})});''')
    note = opened.lonely(among=SOUNDING)
    opened.touch('touchStart', opened.place(note))
    opened.page.wait_for_timeout(100)
    assert opened.heard() == []
    opened.touch('touchEnd')
    opened.wait_for_sound()
    assert opened.heard() == [note] and 'first click' not in opened.status()


def hover(opened):
    """Let hovering play, the loop on, so that nothing ends by itself."""
    opened.page.mouse.click(*opened.ground())
    opened.set(hover=True, loop=True)


def test_hover_plays_a_note_once_and_stops_when_it_is_left(opened):
    note = opened.lonely(among=SOUNDING)
    hover(opened)
    for dx in (-2, -1, 0, 1, 2):
        opened.point_at(note, dx)
        opened.page.wait_for_timeout(30)
    opened.wait_for_sound()
    assert opened.heard() == [note]
    opened.page.mouse.move(*opened.ground())
    opened.wait_for_silence()
    assert opened.js('app.sound.voices.length') == 0


def test_hover_plays_stacked_notes_once(opened):
    stack = SOUNDING[:6]
    opened.js('''stack => {
        for (const [i, note] of stack.entries()) {
            for (const axis of [0, 1]) MAP.tsne_2d[3 * note + axis] = 1 + 0.0003 * (i * 5 % 6);  // within half a pixel
        }
        app.fit();
    }''', stack)
    opened.settle()
    hover(opened)
    for step in np.arange(-6, 6.1, 0.5):
        opened.point_at(stack[0], step, 0.3 * step)
        opened.page.wait_for_timeout(20)
    opened.wait_for_heard(1)
    assert len(opened.heard()) == 1
    opened.page.mouse.move(*opened.ground())
    opened.wait_for_silence()


# One or several voices, loop, path.

def test_one_note_at_a_time_or_several(opened):
    opened.set(loop=True)
    first, second, third = SOUNDING[:3]
    for note in (first, second):
        opened.js('note => app.play(note)', note)
    assert opened.js('app.sound.voices.map(voice => voice.note)') == [second]
    opened.set(poly=True)
    for note in (third, third):  # a note has one voice
        opened.js('note => app.play(note)', note)
    assert opened.js('app.sound.voices.map(voice => voice.note)') == [second, third]


def test_loop_repeats_a_note_until_it_is_stopped(opened):
    opened.set(loop=True)
    opened.js('note => app.choose(note)', SOUNDING[0])
    opened.page.wait_for_timeout(1700)  # the notes last 1 s
    opened.wait_for_sound()
    opened.page.keyboard.press('Escape')
    opened.wait_for_silence()


def test_a_path_plays_its_notes_in_order_at_the_tempo(index, open_page):
    opened = open_page(index, script=START_TIMES)
    first, second = opened.lonely(among=SOUNDING[:20]), opened.lonely(among=SOUNDING[20:])
    opened.set(tempo=240)
    opened.page.keyboard.press('t')
    opened.drag([opened.place(first), opened.place(second), opened.place(first)], steps=5)
    opened.page.wait_for_function('note => heard.includes(note)', arg=second)
    opened.page.wait_for_function('!app.through')
    heard, times = opened.heard(), np.array(opened.js('times'))
    assert heard[0] == first and len(heard) == len(set(heard)) == len(times)
    assert np.median(np.diff(times)) == pytest.approx(0.25, abs=1e-6)  # of the audio clock
    assert opened.camera()['panX'] == opened.js('app.stage.camera.home("tsne_2d").panX')


def test_a_path_is_looped_until_escape(opened):
    note = opened.lonely(among=SOUNDING)
    x, y = opened.place(note)
    opened.set(tempo=600, loop=True)
    opened.page.click('[data-tool=path]')
    opened.drag([(x - 6, y), (x + 6, y)])
    opened.wait_for_heard(3)
    opened.page.keyboard.press('Escape')
    count = len(opened.heard())
    opened.wait_for_silence()
    assert set(opened.heard()) == {note} and len(opened.heard()) == count and not opened.js('app.through')


# Originals.

@pytest.fixture
def original(index, chromium):
    opened = OriginalsPage(chromium, index, script=ELEMENTS)
    yield opened
    opened.page.close()


def test_the_original_plays_where_there_is_one(root, original):
    first, second = SOUNDING[:2]
    original.js('note => app.choose(note, {tab: "note"})', first)
    original.wait_for_heard(1)
    original.page.wait_for_function('elements[0].currentTime > 0.02 && elements[0].volume > 0.5')
    assert original.js('decodeURI(elements[0].src)') == (root / f'data/test/audio/{note_names()[first]}.wav').as_uri()
    assert original.js('loudness()') == 0 and not original.complaints
    original.set(volume=0.1)
    original.js('() => byId("volume").oninput({target: byId("volume")})')
    original.page.wait_for_function('Math.abs(elements[0].volume - 0.09) < 1e-6')
    original.js('note => app.choose(note)', second)
    original.page.wait_for_function('elements.length === 2 && elements[0].paused && !elements[1].paused')
    original.set(original=False, volume=0.8)
    original.js('note => app.choose(note)', first)
    original.wait_for_sound()
    original.page.wait_for_function('elements[1].paused')
    assert original.js('elements.length') == 2


def test_an_original_starts_where_its_preview_does_and_loops(original):
    original.js('() => { MAP.start = new Float32Array(MAP.count).fill(0.6); }')
    original.set(loop=True)
    original.js('note => app.choose(note)', SOUNDING[0])
    original.wait_for_heard(1)
    assert original.js('elements[0].currentTime') >= 0.6
    original.page.wait_for_timeout(700)  # 0.4 s are left of the second
    original.page.wait_for_function('!elements[0].paused && elements[0].currentTime >= 0.6')
    original.page.keyboard.press('Escape')
    original.page.wait_for_function('elements[0].paused')


@pytest.mark.parametrize('content', [None, b'FORM and so on'], ids=['gone', 'unknown format'])
def test_the_preview_stands_in_for_an_original_that_the_browser_cannot_play(root, tmp_path, chromium, content):
    original = OriginalsPage(chromium, copytree(root / 'run/map', tmp_path / 'map') / 'index.html')
    note = SOUNDING[0]
    original.js('folder => { MAP.audio_folder = folder; }', f'{tmp_path}/')
    if content:
        (tmp_path / f'{note_names()[note]}.wav').write_bytes(content)
    original.js('note => app.choose(note)', note)
    original.wait_for_sound()
    assert original.heard() == [note]
    assert 'this is the preview' in original.status() and f'{tmp_path}/{note_names()[note]}.wav' in original.status()
    original.page.close()


@pytest.mark.parametrize('script', ['', 'delete Navigator.prototype.clipboard;'], ids=['clipboard', 'no clipboard'])
def test_the_path_of_a_file_is_copied(root, index, open_page, script):
    opened = open_page(index, script=script)
    opened.js('note => app.choose(note, {tab: "note"})', 7)
    opened.page.click('text=Copy path')
    opened.page.wait_for_function('byId("status").textContent.startsWith("Copied")')
    opened.page.focus('#search')
    opened.page.keyboard.press('Control+v')
    assert Path(opened.page.input_value('#search')) == root / f'data/test/audio/{note_names()[7]}.wav'


def test_there_is_no_switch_without_originals(tmp_path, open_page):
    root, _ = make_map(tmp_path, note_names()[:12], '--embed', evaluated=False)
    opened = open_page(root / 'run/map_embed.html')
    opened.page.click('#playing summary')
    assert opened.page.is_visible('#poly') and not opened.page.is_visible('#original')


# Faults of the page before.

def test_a_context_that_is_slow_to_run_still_plays(index, open_page):
    opened = open_page(index, script=SLOW_CONTEXT)
    note = opened.lonely(among=SOUNDING)
    opened.click(note)
    opened.wait_for_sound()
    assert opened.heard() == [note] and 'no sound' not in opened.status()


def test_only_the_last_of_several_clicks_sounds_once_the_context_runs(index, open_page):
    opened = open_page(index, script=SLOW_CONTEXT)
    for note in SOUNDING[:3]:
        opened.js('note => app.choose(note)', note)
    opened.wait_for_sound()
    assert opened.heard() == [SOUNDING[2]]


def test_a_context_that_never_runs_is_complained_of(index, open_page):
    opened = open_page(index, script=SLOW_CONTEXT + 'window.resumeMilliseconds = 1e6;')
    opened.click(opened.lonely(among=SOUNDING))
    opened.page.wait_for_timeout(1000)
    assert 'no sound' not in opened.status()
    opened.page.wait_for_function('byId("status").textContent.includes("gives this page no sound")')


@pytest.mark.parametrize('view', ['tsne_3d', 'pca'])
def test_3d_turns_about_what_is_in_the_middle_once_zoomed_in(opened, view):
    opened.page.click(f'[data-view={view}]')
    opened.settle()
    box = opened.page.locator('#stage').bounding_box()
    for note in SOUNDING[::8]:
        opened.js('note => { app.fit(); app.stage.zoom(6); app.stage.reveal(note, true); }', note)
        opened.settle()
        (x, y), tilt = opened.place(note), opened.camera()['tilt']
        start = (box['x'] + 30, box['y'] + 300)
        opened.drag([start, (start[0] + 100, start[1] + 60)], steps=4)
        opened.settle()
        np.testing.assert_allclose((x, y), (box['x'] + box['width'] / 2, box['y'] + box['height'] / 2), atol=1)
        np.testing.assert_allclose(opened.place(note), (x, y), atol=1)
        assert opened.camera()['tilt'] != tilt


def test_3d_turns_about_the_middle_of_all_when_all_is_in_view(opened):
    opened.page.keyboard.press('2')
    opened.settle()
    pan = opened.js('[app.stage.camera.panX, app.stage.camera.panY]')
    opened.drag([opened.ground(), np.add(opened.ground(), (100, 0))])
    assert opened.js('[app.stage.camera.panX, app.stage.camera.panY]') == pan and opened.camera()['yaw'] > 1


def ring_and_tip(opened):
    opened.settle()
    return opened.js('[app.stage.hovered, byId("tip").hidden ? "" : byId("tip").textContent]')


def test_tip_and_ring_leave_with_what_they_tell_of(opened):
    note = opened.lonely(among=SOUNDING)
    name = note_names()[note]

    def point():
        opened.page.mouse.move(*opened.ground())
        opened.point_at(note)
        hovered, tip = ring_and_tip(opened)
        assert hovered == note and tip.startswith(name)

    def has_left():
        hovered, tip = ring_and_tip(opened)
        return hovered != note and not tip.startswith(name)

    point()
    opened.js('() => app.stage.turnOrPan(120, 80)')
    assert has_left()
    opened.js('() => app.fit()')
    point()
    opened.js('() => app.show("tsne_3d")')
    assert has_left()
    opened.js('() => { app.show("tsne_2d"); }')
    opened.settle()
    point()
    opened.js('family => app.store.change({hiddenFamilies: [family]})', note % 3)
    assert has_left()
    opened.js('() => app.store.change({hiddenFamilies: []})')
    point()
    opened.point_at(note, 12, 0)
    opened.page.mouse.wheel(0, -2000)
    assert has_left()


def box_of(opened, x, y, size):
    opened.page.keyboard.press('b')
    opened.drag([(x, y), (x + size, y + size)], steps=3)


def test_a_small_box_around_nothing_keeps_the_selection(opened):
    opened.js('() => app.select([1, 2])')
    box_of(opened, *opened.ground(), 14)
    assert opened.js('app.store.state.selection') == [1, 2] and 'stays' in opened.status()
    x, y = opened.ground()
    box_of(opened, x - 12, y - 12, 24)
    assert opened.js('app.store.state.selection') == []


def test_escape_cancels_a_drag(opened):
    opened.js('() => app.select([1, 2])')
    opened.page.keyboard.press('b')
    box = opened.page.locator('#stage').bounding_box()
    opened.page.mouse.move(box['x'] + 5, box['y'] + 5)
    opened.page.mouse.down()
    opened.page.mouse.move(box['x'] + 400, box['y'] + 500, steps=3)
    opened.page.keyboard.press('Escape')
    assert opened.js('app.stage.polygon') is None
    opened.page.mouse.up()
    assert opened.js('app.store.state.selection') == [1, 2] and opened.heard() == []


def test_of_many_boxed_notes_twelve_are_heard(opened):
    box = opened.page.locator('#stage').bounding_box()
    opened.set(tempo=600)
    opened.page.keyboard.press('b')
    opened.drag([(box['x'] + 2, box['y'] + 2), (box['x'] + box['width'] - 2, box['y'] + box['height'] - 2)], steps=3)
    assert opened.js('app.store.state.selection.length') == N_NOTES
    opened.page.wait_for_function('byId("status").textContent.startsWith("12 of 12 (12 of 48)")')
    opened.page.wait_for_function('!app.through')
    assert opened.heard() == list(range(0, N_NOTES, 4))


def test_escape_stops_the_playhead(opened):
    opened.js('note => app.choose(note, {tab: "note"})', SOUNDING[0])
    opened.page.wait_for_function('app.card.playhead.getAnimations().length')
    opened.page.keyboard.press('Escape')
    assert opened.js('app.card.playhead.getAnimations().length') == 0


def test_a_pinch_on_a_trackpad_zooms_as_the_fingers_spread(opened):
    """Chromium sends a wheel with Ctrl and -100 ln(spread)."""
    before = opened.camera()['zoom']
    opened.page.mouse.move(*opened.ground())
    opened.page.keyboard.down('Control')
    for _ in range(10):
        opened.page.mouse.wheel(0, -10 * np.log(2))
    opened.page.keyboard.up('Control')
    opened.page.wait_for_function('zoom => app.stage.camera.zoom > 1.1 * zoom', arg=before)
    opened.settle()
    assert opened.camera()['zoom'] / before == pytest.approx(2, rel=0.2)


def test_ripple_and_playhead_are_still_where_less_motion_is_wished(index, open_page):
    opened = open_page(index, reduced_motion='reduce')
    opened.js('''() => {
        window.radii = new Set();
        const {ring} = app.stage;
        app.stage.ring = function (note, radius, width, colour) {
            if (colour === MAP.colours[MAP.class_index[note]]) radii.add(radius);
            ring.call(this, note, radius, width, colour);
        };
    }''')
    opened.js('note => app.choose(note, {tab: "note"})', SOUNDING[0])
    opened.wait_for_sound()
    opened.page.wait_for_function('!app.stage.ripples.length')
    assert opened.js('radii.size') == 1 and opened.js('app.card.playhead.getAnimations().length') == 0


# Firefox.

def press_in_firefox(firefox, index, original):
    firefox.open(index, PlayingPage.ready)
    firefox.js(ELEMENTS)
    firefox.js(f'byId("original").checked = {str(original).lower()}')
    x, y, left, top = firefox.js(f"""(() => {{
        const {{left, top}} = byId('stage').getBoundingClientRect();
        return [app.stage.camera.x[{SOUNDING[0]}], app.stage.camera.y[{SOUNDING[0]}], left, top];
    }})()""")
    firefox.press(left + x, top + y)


def test_firefox_plays_the_first_press(index, firefox):
    """The AudioContext of a new Firefox took 0.3 to 2.1 s to run."""
    press_in_firefox(firefox, index, original=False)
    if not firefox.comes_true('app.sound.context.state === "running"'):
        pytest.skip('Firefox finds no loudspeaker here: run pulseaudio with a null sink')
    assert firefox.comes_true('loudness() > 0.01')


def test_firefox_plays_an_original_on_the_first_press(index, firefox):
    press_in_firefox(firefox, index, original=True)
    assert firefox.comes_true('elements.some(audio => audio.currentTime > 0.02 && audio.volume > 0.5)')
