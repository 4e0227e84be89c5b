"""The way out of the sound map: the selection as a table, undo, zoom, ZIP, A/B; in a real, headless Chromium."""

import csv
import io
import json
import re
import zipfile
from pathlib import Path

import numpy as np
import pytest
import soundfile
from test_sound_map import (
    EVIL,
    MISSING,
    N_NOTES,
    MapPage,
    instrument_notes,
    make_map,
    note_names,
    write_lines,
    write_run,
)

import sound_map
from deepdream.audio import load_waveform

pytestmark = pytest.mark.thorough

SHOWN = [0, 30, 9, 4, 40]  # bass C3, bass F♯4, bass A3, flute E3, flute E4


class SelectionPage(MapPage):
    def select(self, notes):
        self.js('notes => { app.select(notes); app.store.change({tab: "selection"}); }', notes)

    def selection(self):
        return self.js('app.store.state.selection')

    def rows(self):
        return self.js('[...document.querySelectorAll("#selected-notes tbody tr")].map(row => row.note)')

    def focused(self):
        """Return what has the focus, as (text or label, row of the table or None)."""
        return tuple(self.js('''() => [document.activeElement.ariaLabel || document.activeElement.textContent,
                                       document.activeElement.closest('tr')?.note ?? null]'''))

    def status(self):
        return self.page.inner_text('#status')


@pytest.fixture
def page_class():
    return SelectionPage


@pytest.fixture
def opened(made, open_page):
    return open_page(made[0] / 'run/map/index.html')


@pytest.fixture(scope='session')
def made(tmp_path_factory):
    return make_map(tmp_path_factory.mktemp('selection'), note_names())


# The table.

def test_table_shows_each_note_with_its_picture_family_and_pitch(opened):
    opened.select(SHOWN)
    assert opened.rows() == SHOWN
    cells = opened.page.locator('#selected-notes tbody tr').nth(1).locator('td').all_inner_texts()
    assert [one.strip() for one in cells] == [note_names()[30], 'bass', 'F♯3', '×']
    opened.page.wait_for_function('''() => [...document.querySelectorAll('#selected-notes canvas')].every(
        canvas => new Set(new Uint32Array(canvas.getContext('2d').getImageData(0, 0, 125, 80).data.buffer)).size > 50)
    ''', timeout=5000)


@pytest.mark.parametrize(('column', 'key'), [
    ('name', lambda row: note_names()[row]), ('family', lambda row: row % 3), ('pitch', lambda row: 48 + row % 24)])
def test_table_is_sorted_up_down_and_as_selected(opened, column, key):
    opened.select(SHOWN)
    head = opened.page.locator(f'[data-column={column}]')
    for order, expected in (('ascending', sorted(SHOWN, key=key)), ('descending', sorted(SHOWN, key=key)[::-1]),
                            ('none', SHOWN)):
        head.click()
        assert head.locator('..').get_attribute('aria-sort') == order
        assert [key(row) for row in opened.rows()] == [key(row) for row in expected]
    assert opened.rows() == SHOWN


def test_row_plays_by_click_and_by_enter(opened):
    opened.select(SHOWN)
    opened.page.click('.play-row >> nth=2')
    opened.wait_for_sound()
    assert opened.js('app.store.state.note') == 9
    opened.page.keyboard.press('ArrowUp')
    opened.page.keyboard.press('Enter')
    opened.page.wait_for_function('app.store.state.note === 30')
    assert opened.focused() == (note_names()[30], 30)
    assert opened.page.locator('[aria-current=true]').all_inner_texts()[0].startswith(note_names()[30])


def test_notes_are_removed_by_click_and_key_and_the_focus_stays_in_the_table(opened):
    opened.select(SHOWN)
    opened.page.click(f'[aria-label="Remove {note_names()[9]}"]')
    assert opened.rows() == opened.selection() == [0, 30, 4, 40]
    assert opened.focused() == (f'Remove {note_names()[4]}', 4)
    opened.page.keyboard.press('Delete')
    opened.page.keyboard.press('Enter')
    assert opened.rows() == [0, 30]
    assert opened.focused() == (f'Remove {note_names()[30]}', 30)
    opened.page.keyboard.press('Delete')
    opened.page.keyboard.press('Delete')
    assert opened.rows() == [] and opened.focused() == ('Undo', None)
    assert opened.page.locator('#selected-notes').is_hidden()


def test_names_in_the_table_are_text(opened):
    opened.select([N_NOTES - 1])
    assert EVIL in opened.page.inner_text('#selected-notes')
    assert opened.js('document.querySelectorAll("img").length') == 0


def test_rows_and_pictures_of_a_large_selection_come_as_one_scrolls(tmp_path, open_page):
    names, rng = [f'note {i}' for i in range(300)], np.random.default_rng(0)
    (tmp_path / 'data').mkdir()
    write_lines(tmp_path / 'data/test_samples.txt', names)
    write_lines(tmp_path / 'data/test_labels.txt', [i % 3 for i in range(300)])
    write_run(tmp_path / 'run', names, rng)
    assert sound_map.main(['--data', f'{tmp_path}/data', '--run', f'{tmp_path}/run']) == 0
    opened = open_page(tmp_path / 'run/map/index.html')
    opened.js('() => { window.drawn = []; drawSpectrum = async (_, note) => drawn.push(note); }')
    opened.select(list(range(300)))
    opened.page.wait_for_function('drawn.length > 5')
    assert opened.rows() == list(range(60)) and len(opened.js('drawn')) < 30
    for _ in range(5):
        n_rows = len(opened.rows())
        opened.js('() => { byId("selection-scroll").scrollTop = 1e6; }')
        if n_rows < 300:
            opened.page.wait_for_function('n => document.querySelectorAll("#selected-notes tbody tr").length > n',
                                          arg=n_rows)
    opened.page.wait_for_function('drawn.includes(299)')
    assert opened.rows() == list(range(300))
    assert len(set(opened.js('drawn'))) == len(opened.js('drawn')) < 150


# Undo and zoom.

def test_undo_and_redo_walk_through_the_selections(opened):
    opened.select([1, 2])
    opened.page.click('#undo')
    assert opened.selection() == [] and opened.focused()[0] == 'Undo'
    opened.page.keyboard.press('Enter')
    assert 'nothing to undo' in opened.status()
    opened.page.click('#redo')
    assert opened.selection() == [1, 2] and opened.status() == '2 notes selected'
    opened.js('() => app.toggleSelected(5)')
    opened.page.keyboard.press('Control+z')
    opened.page.keyboard.press('Control+z')
    assert opened.selection() == []
    opened.page.keyboard.press('Control+Shift+Z')
    opened.page.keyboard.press('Control+Shift+Z')
    assert opened.selection() == [1, 2, 5]
    opened.page.keyboard.press('Control+z')
    opened.select([7])
    opened.page.keyboard.press('Control+Shift+Z')  # a new branch: nothing is left to do again
    assert opened.selection() == [7]


def test_undo_leaves_the_text_of_a_field_alone(opened):
    opened.select([1, 2])
    opened.page.click('#search')
    opened.page.keyboard.type('bass')
    opened.page.keyboard.press('Control+z')
    assert opened.selection() == [1, 2]


def test_select_none_and_escape_keep_the_focus(opened):
    for deed in (lambda: opened.page.click('#select-none'), lambda: opened.page.keyboard.press('Escape')):
        opened.select(SHOWN)
        opened.page.focus('.play-row >> nth=1')
        deed()
        assert opened.selection() == [] and opened.page.locator('#save-as').is_hidden()
        assert opened.js('document.activeElement.closest("section").id') == 'panel-selection'


@pytest.mark.parametrize('view', ['tsne_2d', 'tsne_3d'])
@pytest.mark.parametrize('notes', [[3], [0, 3, 6, 9, 12]])
def test_zoom_to_selection_fills_the_window_with_it(opened, view, notes):
    opened.js('view => { app.show(view); }', view)
    opened.settle()
    opened.select(notes)
    if len(notes) == 1:
        opened.page.keyboard.press('z')
    else:
        opened.page.click('#zoom-selection')
    opened.settle()
    x, y = (np.array(opened.js(f'notes => notes.map(note => app.stage.camera.{axis}[note])', notes)) for axis in 'xy')
    width, height = opened.js('[app.stage.camera.width, app.stage.camera.height]')
    assert x.min() > 0 and x.max() < width and y.min() > 0 and y.max() < height
    np.testing.assert_allclose([np.ptp(x) / 2 + x.min(), np.ptp(y) / 2 + y.min()], [width / 2, height / 2], atol=30)
    if len(notes) > 1:
        assert max(np.ptp(x) / width, np.ptp(y) / height) > 0.65
    assert opened.js('app.store.state.camera.zoom') == pytest.approx(opened.js('app.stage.camera.zoom'))


# The ZIP.

def save_zip(opened):
    with opened.page.expect_download() as download:
        opened.page.click('#save-zip')
    archive = zipfile.ZipFile(download.value.path())
    assert archive.testzip() is None
    return archive


def samples_of(archive):
    """Return the samples that the SFZ of a ZIP plays."""
    name, = (name for name in archive.namelist() if name.endswith('.sfz'))
    return re.findall(r'sample=(.+)', archive.read(name).decode())


def test_zip_holds_the_sounds_an_sfz_that_plays_them_and_where_the_originals_lie(made, opened):
    rows = [0, 13, MISSING, N_NOTES - 1]
    opened.select(rows)
    archive = save_zip(opened)
    names = note_names()
    assert archive.namelist() == ['test_selection.sfz', 'originals.csv', f'sounds/{names[0]}.mp3',
                                  f'sounds/{names[13]}.mp3', 'sounds/_img src_x onerror__document.title_1__.mp3']
    for row in (0, 13):
        waveform, rate = soundfile.read(io.BytesIO(archive.read(f'sounds/{names[row]}.mp3')))
        original = load_waveform(made[0] / f'data/test/audio/{names[row]}.wav')[0]
        loudest = [np.abs(np.fft.rfft(one, 4 * 16_000)).argmax() for one in (waveform, original[:len(waveform)])]
        assert rate == 16_000 and len(waveform) > 12_000 and abs(loudest[0] - loudest[1]) <= 4  # within 1 Hz
    assert set(samples_of(archive)) == {name for name in archive.namelist() if name.endswith('.mp3')}
    table = list(csv.DictReader(io.StringIO(archive.read('originals.csv').decode())))
    assert [row['note'] for row in table] == [names[row] for row in rows if row != MISSING]
    assert all(Path(row['original']).is_file() and row['preview'] in archive.namelist() for row in table)
    assert 'The ZIP holds 3 previews' in opened.status() and '1 note left out: the wav is missing' in opened.status()
    assert 'a page cannot read' in opened.page.inner_text('#save-as')


def test_zip_says_that_there_is_nothing_to_pack(opened):
    opened.select([MISSING])
    opened.js('() => { window.saved = []; save = name => saved.push(name); }')
    opened.page.click('#save-zip')
    assert 'nothing to pack' in opened.status() and opened.js('saved') == []


def test_zip_says_why_it_cannot_be_packed(opened):
    opened.select([0])
    opened.js('() => { previewOf = async () => { throw new Error("previews/0.js is missing beside this page"); }; }')
    opened.page.click('#save-zip')
    opened.page.wait_for_function('byId("status").textContent.includes("There is no ZIP: previews/0.js is missing")')


HARD_NAMES = ['kicks/808/a.wav', 'kicks\\808\\a.wav', 'Kicks_808_A.wav', '..', '. ', '', 'CON', 'con.wav', 'LPT1',
              'a:b?', 'a*b"', '한국어 소리', 'cafe\u0301', 'caf\u00e9', 'x$y=z<1>', 'tab\there', 'l' * 300,
              'l' * 299 + 'm', '\ud800', '\udfff', '😀' * 80, 'ends with. ', 'note']


def test_names_in_a_zip_are_safe_and_unique_everywhere(opened):
    safe = opened.js('names => safeNames(JSON.parse(names))', json.dumps(HARD_NAMES))
    assert len(safe) == len({name.casefold() for name in safe}) == len(HARD_NAMES)
    for name in safe:
        assert name == name.strip('. ') and name and not re.search(r'[<>:"/\\|?*=$\x00-\x1f\ud800-\udfff]', name)
        assert not re.match(r'(?i)(con|prn|aux|nul|com\d|lpt\d)(\.|$)', name)
        assert len(f'{name}.mp3'.encode()) <= 255
    assert safe[:3] == ['kicks_808_a.wav', 'kicks_808_a.wav (2)', 'Kicks_808_A.wav (3)']
    assert safe[11] == '한국어 소리' and safe[12:14] == ['café', 'café (2)']


def test_zip_of_names_that_no_file_can_have(opened):
    rows = [row for row in range(24) if row != MISSING][:len(HARD_NAMES)]
    opened.js('([rows, names]) => { JSON.parse(names).forEach((name, i) => { MAP.notes[rows[i]] = name; }); }',
              [rows, json.dumps(HARD_NAMES)])
    opened.select(rows)
    archive = save_zip(opened)
    sounds = {name for name in archive.namelist() if name.endswith('.mp3')}
    assert len(sounds) == len(rows) and set(samples_of(archive)) == sounds
    assert all(name.count('/') == 1 for name in sounds)


# The card, and A/B.

@pytest.fixture(scope='session')
def instruments(tmp_path_factory):
    """A map of 24 notes, four of each of six instruments; returns (root, names, activation)."""
    names = instrument_notes()
    root, _ = make_map(tmp_path_factory.mktemp('instruments'), names)
    return root, names, np.load(root / 'run/activation.npy')


@pytest.fixture
def paired(instruments, open_page):
    return open_page(instruments[0] / 'run/map/index.html')


def test_button_and_key_walk_through_the_nearest_notes_of_other_instruments(instruments, paired):
    _, names, activation = instruments
    paired.js('() => app.choose(4, {tab: "note"})')
    expected = [4]
    for deed in (lambda: paired.page.click('#other-instrument'), lambda: paired.page.keyboard.press('Enter'),
                 lambda: paired.page.keyboard.press('o')):
        order = np.linalg.norm(activation - activation[expected[-1]], axis=1).argsort()
        expected.append(next(int(row) for row in order if row not in expected
                             and names[row].split('-')[0] != names[expected[-1]].split('-')[0]))
        deed()
        assert paired.js('app.store.state.note') == expected[-1]
        assert paired.js('document.activeElement.id') == 'other-instrument'
    paired.wait_for_sound()


def test_no_walk_through_instruments_where_there_are_none(paired):
    paired.js('() => { delete MAP.other_neighbours; app.choose(4, {tab: "note"}); }')
    assert paired.page.locator('#other-instrument').count() == 0
    paired.page.keyboard.press('o')
    assert 'no note of another instrument' in paired.status() and paired.js('app.store.state.note') == 4


def test_the_focus_stays_in_the_card(instruments, paired):
    paired.js('() => app.choose(4, {tab: "note"})')
    paired.page.focus('.neighbours button >> nth=2')
    paired.page.keyboard.press('Enter')
    assert paired.js('app.store.state.note') != 4
    assert paired.js('document.activeElement.matches(".neighbours button")')
    paired.page.focus('#play')
    paired.js('() => { MAP.has_sound[7] = 0; app.choose(7); }')  # its Play is disabled
    assert paired.js('document.activeElement.closest("section").id') == 'panel-note'


def test_two_notes_are_compared_by_ear_and_in_figures(instruments, paired):
    _, names, activation = instruments
    assert paired.page.locator('#compare').is_hidden()
    paired.page.keyboard.press('a')
    assert 'Choose a note first' in paired.status()
    paired.js('() => app.choose(4, {tab: "note"})')
    paired.page.click('#hold')
    assert paired.page.get_attribute('#hold', 'aria-pressed') == 'true'
    assert paired.page.is_disabled('#compare-play') and paired.page.locator('#compare-figures').is_hidden()
    paired.js('() => app.choose(11)')
    assert paired.page.get_attribute('#hold', 'aria-pressed') == 'false'
    assert paired.page.locator('.sides button').all_inner_texts() == [f'A: {names[4]}', f'B: {names[11]}']
    said = [float(one) for one in re.findall(r'[\d.]+$|[\d.]+(?=;)', paired.page.inner_text('#compare-distance'))]
    distances = np.linalg.norm(activation - activation[4], axis=1)
    np.testing.assert_allclose(said, [distances[11], np.sort(distances)[1]], rtol=0.01)
    paired.page.click('#compare-distance')
    cells = paired.page.locator('#compare tbody tr').all_inner_texts()
    rows = {name: [float(value.split()[0]) for value in values] for name, *values in (one.split('\t') for one in cells)}
    probabilities = np.array([paired.js('note => MAP.labels.map((_, i) => 100 * probability(note, i))', note)
                              for note in (4, 11)])
    neurons = np.abs(activation[4] - activation[11]).argsort()[::-1][:3]
    assert list(rows)[3:] == [f'neuron {one}' for one in neurons]
    for name, values in rows.items():
        expected = (activation[[4, 11], int(name.split()[1])] if name.startswith('neuron')
                    else probabilities[:, paired.js('MAP.labels').index(name)])
        np.testing.assert_allclose(values, expected, atol=0.51 if name in paired.js('MAP.labels') else 0.02)
    paired.page.click('#compare .neuron >> nth=0')
    assert paired.js('[app.store.state.colour, app.store.state.neuron]') == ['neuron', neurons[0]]


def test_x_plays_a_and_then_b_until_escape(paired):
    paired.js('''() => {
        window.heard = [];
        const play = app.play;
        app.play = (note, ...rest) => { heard.push(note); return play.call(app, note, ...rest); };
    }''')
    paired.page.keyboard.press('x')
    assert 'Hold a note as A' in paired.status()
    paired.js('() => app.choose(4)')
    paired.page.keyboard.press('a')
    paired.js('() => { app.choose(11); heard.length = 0; }')
    paired.page.keyboard.press('x')
    paired.page.wait_for_function('String(heard) === "4,11"', timeout=5000)
    paired.wait_for_sound()
    paired.page.click('#compare-swap')
    paired.page.click('#compare-play')
    paired.page.keyboard.press('Escape')
    paired.page.wait_for_timeout(1700)
    assert paired.js('heard') == [4, 11, 11]
    assert paired.js('app.store.state.note') == 11  # comparing chooses nothing
    paired.page.click('#compare-end')
    assert paired.page.locator('#compare').is_hidden() and paired.js('document.activeElement.id') == 'panel-note'
