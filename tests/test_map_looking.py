"""How the page of the sound map is seen, searched and reached, in a real, headless Chromium."""

import base64
import io
import json
import re
from pathlib import Path

import numpy as np
import pytest
import soundfile
from browser import Opened
from PIL import Image

from deepdream.map.atlas import map_address
from deepdream.map.data import pack_activation, pack_map
from deepdream.map.page import SoundMap, call, copy_page_files, write_page
from deepdream.map.previews import CHUNK_NOTES

LABELS = ['bass', 'brass', 'flute', 'guitar', 'keyboard', 'mallet', 'organ', 'reed', 'string', 'synth_lead', 'vocal']
SOURCES = ('acoustic', 'electronic', 'synthetic')
N_NOTES = 440
N_WRONG = 40  # notes that the network takes for the family after theirs
WIDE, PHONE = {'width': 1300, 'height': 850}, {'width': 390, 'height': 844}


def tone():
    """An MP3 of 0.3 s in base64."""
    file = io.BytesIO()
    soundfile.write(file, 0.3 * np.sin(np.arange(4800) / 6), 16_000, format='MP3')
    return base64.b64encode(file.getvalue()).decode()


def note_columns(n_notes=N_NOTES, seed=0):
    """The columns of made-up notes: eleven families in two clusters each, as long as they are wide or longer."""
    rng = np.random.default_rng(seed)
    family = np.arange(n_notes) % len(LABELS)
    pitch, velocity = 40 + np.arange(n_notes) // len(LABELS), rng.choice([25, 75, 127], n_notes)
    source = np.array(SOURCES)[np.arange(n_notes) % 3]
    names = [f'{LABELS[one]}_{kind}_{i % 55:03}-{p:03}-{v:03}' for i, (one, kind, p, v) in
             enumerate(zip(family, source, pitch, velocity, strict=True))]
    centres, stretch = rng.uniform(-0.9, 0.9, (22, 3)), rng.uniform(0.02, 0.09, (22, 3))
    cluster = family + len(LABELS) * (np.arange(n_notes) // len(LABELS) % 2)
    views = {'tsne_2d': [1, 1, 0], 'tsne_3d': [1, 1, 1], 'pca': [1, 1, 1]}
    predicted = np.where(np.arange(n_notes) < N_WRONG, (family + 1) % len(LABELS), family)
    return {'note': np.array(names, dtype=object), 'class_index': family.astype(np.uint16), 'source': source,
            'pitch': pitch.astype(np.int16), 'velocity': velocity.astype(np.int16),
            'program': np.full(n_notes, '', dtype=object), 'cluster': np.full(n_notes, -1, np.int16),
            'out_of_distribution': np.zeros(n_notes, np.uint8),
            'activation': rng.random((n_notes, 16)).astype(np.float32) * (np.arange(n_notes)[:, None] % 4 > 0),
            'probabilities': np.eye(len(LABELS), dtype=np.float32)[predicted],
            **{view: ((centres + rng.normal(size=(n_notes, 1, 3)) * stretch)[np.arange(n_notes), cluster]
                      * axes).astype(np.float32) for view, axes in views.items()}}


def write_map(folder, columns, **more):
    """Write the page of notes that all sound alike; return its path. `more` goes into its content."""
    n_notes = len(columns['note'])
    content = pack_map(LABELS, columns, np.ones(n_notes, bool)) | {
        'split': 'test', 'quality': {'trustworthiness': {'pca': 0.9}, 'purity': {'fc2': 0.8}, 'purity_k': 10,
                                     'evaluated_notes': n_notes},
        'chunk_notes': CHUNK_NOTES, 'files': {}, 'middle_octave': 4, 'remarks': [], 'added_files': [],
        'labelled': True, 'sources_title': 'Sources', 'originals': [], 'listens': False,
        'shortened': [], 'seconds': 4, 'audio_folder': '', 'added_folder': ''} | more
    sound = tone()
    chunk = [[sound, ''] for _ in range(CHUNK_NOTES)]
    scripts = [(i, f'receivePreviews({i}, {json.dumps(chunk)});') for i in range(-(-n_notes // CHUNK_NOTES))]
    write_page(folder, content, pack_activation(columns['activation']), None, scripts)
    return folder / 'index.html'


class LookedAt(Opened):
    ready = 'typeof app !== "undefined" && MAP.activation && !app.stage.requested'

    def settle(self):
        self.page.wait_for_function('!app.stage.requested && !app.stage.camera.motion && app.stage.pace.share === 1')

    def lit(self):
        return np.flatnonzero(self.js('Array.from(app.lit)')).tolist()

    def focused(self):
        """Return what has the focus: the tag, the id and the text."""
        return self.js('() => { const {tagName, id, textContent} = document.activeElement;'
                       ' return [tagName, id, textContent]; }')

    def named(self, names):
        """Return the rows of notes."""
        return self.js('names => names.map(name => MAP.notes.indexOf(name))', list(names))


@pytest.fixture
def page_class():
    return LookedAt


@pytest.fixture(scope='module')
def columns():
    return note_columns()


@pytest.fixture(scope='module')
def written(tmp_path_factory, columns):
    return write_map(tmp_path_factory.mktemp('looked_at'), columns)


@pytest.fixture
def opened(written, open_page):
    return open_page(written)


# Reading what Python wrote.

def test_base64_is_read_with_and_without_the_browsers_own_reader(opened):
    every_byte = base64.b64encode(bytes(range(256)) * 3 + b'x').decode()
    for _ in range(2):
        for text in (every_byte, every_byte.rstrip('=')):
            assert opened.js('text => Array.from(bytesOf(text))', text) == [*range(256)] * 3 + [ord('x')]
        assert opened.js('Array.from(new Int16Array(bytesOf("AQD//w==").buffer))') == [1, -1]
        opened.js('() => { Uint8Array.fromBase64 = undefined; }')


def test_base64_goes_to_the_browsers_own_reader(written, open_page):
    opened = open_page(written, script='''
        window.read = 0;
        const fromBase64 = Uint8Array.fromBase64;
        if (fromBase64) Uint8Array.fromBase64 = text => { window.read++; return fromBase64.call(Uint8Array, text); };
        else window.read = 99;''')
    assert opened.js('window.read') > 10


# What axe-core finds, and what it does not look for.

@pytest.fixture(scope='session')
def axe():
    package = pytest.importorskip('axe_playwright_python', reason='pip install -r requirements_dev.txt')
    return (Path(package.__file__).parent / 'axe.min.js').read_text(encoding='utf-8')


def violations(opened, axe, part='html'):
    """Return what axe-core complains of, as 'rule: element'; target-size are the 24 pixels of WCAG 2.2."""
    if not opened.js('typeof axe !== "undefined"'):
        opened.page.add_script_tag(content=axe)
    found = opened.js('part => axe.run(part, {preload: false, resultTypes: ["violations"],'
                      ' rules: {"target-size": {enabled: true}}})', part)['violations']
    return [f'{rule["id"]}: {node["html"][:120]} {node["failureSummary"]}' for rule in found for node in rule['nodes']]


@pytest.mark.parametrize(('viewport', 'scheme'), [(WIDE, 'light'), (PHONE, 'dark')], ids=['wide', 'phone'])
def test_axe_finds_nothing_in_the_map(written, open_page, axe, viewport, scheme):
    opened = open_page(written, '#hide=2&colour=neuron', color_scheme=scheme)
    opened.page.set_viewport_size(viewport)
    assert violations(opened, axe) == []
    opened.js('() => { app.choose(5); app.select([1, 2, 3]); }')
    for tab in ('note', 'selection', 'confusion', 'quality', 'help'):
        opened.page.click(f'#tab-{tab}')
        assert violations(opened, axe, f'#panel-{tab}') == []


@pytest.fixture(scope='module')
def atlas(tmp_path_factory):
    """An atlas of a dead unit and one of a dozen others, without sounds."""
    folder = tmp_path_factory.mktemp('atlas')
    copy_page_files('atlas', folder)
    report = {'optimised': 3, 'activation': 2, 'strongest_note_activation': 1, 'average_note_activation': 0.1,
              'times_strongest_note': 2, 'passed': True}
    sound = {'flatness': 0.1, 'crest_factor': 4, 'loudest_hz': 440}
    units = [{'id': f'fc2_{i}', 'layer': 'fc2', 'unit': i, 'title': f'fc2 {i}', 'dead': not i,
              'family': i % 11, 'selectivity': 0.5, 'notes': [0, 1], 'note_activations': [1, 0.5], 'keys': [],
              'dreams': {kind: {'row': i, 'read_back': report, 'sound': sound} for kind in ('note', 'texture')},
              'map': f'colour=neuron&neuron={i}'} for i in range(12)]
    content = {'units': units, 'layers': ['fc2'], 'labels': LABELS, 'colours': ['#6677cc'] * 11, 'split': 'test',
               'map_page': '../map/index.html', 'notes': [f'note {i}' for i in range(12)], 'chunk_notes': CHUNK_NOTES,
               'place': list(range(12)), 'class_index': [0] * 12, 'has_sound': [0] * 12, 'arrays': {}}
    (folder / 'data.js').write_text(call('receiveMap', content) + call('receivePreviews', 0).replace(
        '(0)', f'(0, {json.dumps([["", ""]] * 12)})'))
    return folder / 'index.html'


@pytest.fixture
def open_atlas(chromium, atlas):
    opened = []

    def open_one(viewport, **options):
        opened.append(Opened(chromium, atlas, **options))
        opened[-1].page.set_viewport_size(viewport)
        return opened[-1]

    yield open_one
    for one in opened:
        one.page.close()
        assert not one.complaints


@pytest.mark.parametrize(('viewport', 'scheme'), [(WIDE, 'light'), (PHONE, 'dark')], ids=['wide', 'phone'])
def test_axe_finds_nothing_in_the_atlas(open_atlas, axe, viewport, scheme):
    opened = open_atlas(viewport, color_scheme=scheme)
    opened.page.click('#card-fc2_1')
    assert violations(opened, axe) == []


def test_what_the_atlas_says_is_on_the_screen_and_beside_the_filters(open_atlas):
    opened = open_atlas(PHONE)
    opened.page.click('#card-fc2_1')
    opened.page.wait_for_function('byId("status").textContent')
    for width in (390, 1000, 1300):
        opened.page.set_viewport_size({'width': width, 'height': 844})
        said, filters = (opened.page.locator(one).bounding_box() for one in ('#status', 'nav'))
        assert said['x'] >= 0 and said['x'] + said['width'] <= width and said['y'] + said['height'] <= 844
        assert opened.js('''([x, y]) => {
            byId('status').style.pointerEvents = 'auto';
            return document.elementFromPoint(x, y).id;
        }''', [said['x'] + said['width'] / 2, said['y'] + said['height'] / 2]) == 'status'  # nothing lies over it
        beside = filters['x'] + filters['width'] if width > 900 else 0
        assert beside < said['x'] < beside + 20  # from there on it has the whole width


def luminance(colour):
    channels = np.array(colour) / 255
    return np.where(channels <= 0.04045, channels / 12.92, ((channels + 0.055) / 1.055) ** 2.4) @ [.2126, .7152, .0722]


def contrast(one, other):
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize('scheme', ['light', 'dark'])
def test_numbers_of_every_cell_of_the_confusion_matrix_can_be_read(written, open_page, scheme):
    opened = open_page(written, '#tab=confusion', color_scheme=scheme)
    cells = opened.js('''() => {
        const context = document.createElement('canvas').getContext('2d', {willReadFrequently: true});
        const seen = colour => {
            context.fillStyle = colour;
            context.fillRect(0, 0, 1, 1);
            return [...context.getImageData(0, 0, 1, 1).data.slice(0, 3)];
        };
        return ['right', 'mistake'].flatMap(kind => [0, 0.3, 0.6, 1].map(share => {
            const cell = document.querySelector(`.confusion .${kind}`);
            cell.style.setProperty('--share', share);
            const {color, backgroundColor} = getComputedStyle(cell);
            return [seen(color), seen(backgroundColor)];
        }));
    }''')
    assert min(contrast(*cell) for cell in cells) >= 4.5


def test_every_slider_is_high_enough_to_be_hit(opened):
    heights = opened.js('''() => {
        app.store.change({colour: 'neuron'});
        for (const one of document.querySelectorAll('details')) one.open = true;
        return [...document.querySelectorAll('input[type=range]')].map(one => one.getBoundingClientRect().height);
    }''')
    assert len(heights) == 7 and min(heights) >= 24


def test_the_quality_panel_is_scrolled_by_keys(opened):
    opened.page.set_viewport_size({'width': 1300, 'height': 500})
    opened.page.click('#tab-quality')
    opened.page.keyboard.press('Tab')
    assert opened.focused()[1] == 'panel-quality'
    assert opened.js('byId("panel-quality").tabIndex') == 0  # not every browser lets a key reach what scrolls
    opened.page.keyboard.press('PageDown')
    opened.page.wait_for_function('byId("panel-quality").scrollTop > 50')


# The focus.

@pytest.fixture
def at_keyboard(opened):
    """The card of a note, its Play button focused."""
    opened.js('() => app.choose(5, {tab: "note"})')
    opened.page.focus('#panel-note .play')
    return opened


def test_focus_stays_in_the_list_after_enter_on_a_neighbour(at_keyboard):
    for _ in range(3):
        at_keyboard.page.focus('.neighbours button >> nth=2')
        before = at_keyboard.js('app.store.state.note')
        at_keyboard.page.keyboard.press('Enter')
        assert at_keyboard.js('app.store.state.note') != before
        assert at_keyboard.js('document.activeElement === document.querySelectorAll(".neighbours button")[2]')


def test_focus_stays_in_the_panel_after_clear(opened):
    opened.js('() => { app.select([1, 2, 3]); app.store.change({tab: "selection"}); }')
    opened.page.locator('#select-none').focus()
    opened.page.keyboard.press('Enter')
    assert opened.js('app.store.state.selection') == []
    assert opened.js('document.activeElement.closest("section").id') == 'panel-selection'


def test_focus_follows_to_the_open_tab(at_keyboard):
    at_keyboard.js('() => app.store.change({tab: "quality"})')
    assert at_keyboard.focused()[1] == 'panel-quality'


def test_arrows_walk_after_play_and_leave_tabs_and_fields_alone(at_keyboard):
    at_keyboard.page.keyboard.press('Enter')
    at_keyboard.page.keyboard.press('ArrowRight')
    first = at_keyboard.js('app.store.state.note')
    at_keyboard.page.keyboard.press('ArrowDown')
    assert first != 5 and at_keyboard.js('app.store.state.note') not in (5, first)
    assert at_keyboard.js('document.activeElement.className') == 'play'  # space plays the new note
    note = at_keyboard.js('app.store.state.note')
    for element in ('#tab-note', '#search', '#pitch-low', '#colour', '#panel-note'):
        at_keyboard.js('() => { for (const one of document.querySelectorAll("details")) one.open = true; }')
        at_keyboard.page.focus(element)
        at_keyboard.page.keyboard.press('ArrowRight')
        assert at_keyboard.js('app.store.state.note') == note


# The search.

@pytest.fixture(scope='module')
def with_programs(tmp_path_factory, columns):
    program = np.array(['Trumpet', 'Church Organ'], dtype=object)[np.arange(N_NOTES) % 2]
    return write_map(tmp_path_factory.mktemp('programs'), columns | {'program': program})


def rows_with(columns, *, family=None, source=None, pitch=None):
    """The rows of the notes that are of a family or are taken for it, of a source, and of a pitch."""
    kept = np.ones(N_NOTES, bool)
    if family is not None:
        predicted = columns['probabilities'].argmax(axis=1)
        kept &= (columns['class_index'] == LABELS.index(family)) | (predicted == LABELS.index(family))
    if source is not None:
        kept &= columns['source'] == source
    if pitch is not None:
        kept &= columns['pitch'] == pitch
    return np.flatnonzero(kept).tolist()


SEARCHES = [
    ('brass', {'family': 'brass'}), ('acoustic  Brass', {'family': 'brass', 'source': 'acoustic'}),
    ('C4', {'pitch': 60}), ('c♯4', {'pitch': 61}), ('Db4', {'pitch': 61}), ('A♭3', {'pitch': 56}),
    ('B3', {'pitch': 59}), ('Bb3 organ', {'pitch': 58, 'family': 'organ'})]


def test_search_finds_words_and_pitches_together(opened, columns):
    for search, wanted in SEARCHES:
        opened.page.fill('#search', search)
        expected = rows_with(columns, **wanted)
        assert opened.lit() == expected != []
        assert opened.page.inner_text('#found') == f'{len(expected)} found · Enter zooms there'


def test_search_finds_programs_and_the_pitches_of_a_map_that_calls_middle_c_c3(with_programs, columns, open_page):
    opened = open_page(with_programs)
    opened.page.fill('#search', 'trumpet')
    assert opened.lit() == list(range(0, N_NOTES, 2))
    opened.page.fill('#search', 'church brass organ')
    predicted = columns['probabilities'].argmax(axis=1) == 1
    brass = np.flatnonzero((columns['class_index'] == 1) | predicted)
    assert opened.lit() == [row for row in brass if row % 2]
    opened.js('() => { MAP.middle_octave = 3; }')
    opened.page.fill('#search', 'C3')
    assert opened.lit() == rows_with(columns, pitch=60)


def test_a_pitch_is_no_part_of_a_word(tmp_path, open_page):
    columns = note_columns(4) | {'note': np.array(['kick c4', 'pac4', 'c42', 'Kick_C4_x'], dtype=object),
                                 'pitch': np.full(4, -1, np.int16)}
    opened = open_page(write_map(tmp_path, columns))
    opened.page.fill('#search', 'c4')
    assert opened.lit() == [0, 3]


def test_search_that_finds_nothing_says_why(opened):
    for search, said in (('brass zither', 'Nothing found: no note has “zither”.'),
                         ('brass c4 f4', 'Nothing found: no note has all these words.')):
        opened.page.fill('#search', search)
        assert opened.lit() == [] and opened.page.inner_text('#found') == said
    opened.js('() => app.store.change({hiddenFamilies: [4]})')
    opened.page.fill('#search', 'keyboard_acoustic_')
    assert 'Nothing found: the filters below hide' in opened.page.inner_text('#found')
    opened.page.fill('#search', '')
    assert opened.page.inner_text('#found') == ''


@pytest.mark.parametrize(('view', 'reduced'), [('tsne_2d', None), ('tsne_3d', 'reduce')])
def test_enter_in_the_search_zooms_to_what_it_found(written, open_page, view, reduced):
    opened = open_page(written, f'#view={view}', reduced_motion=reduced)
    zoom = opened.js('app.stage.camera.zoom')
    opened.page.fill('#search', 'flute electronic 075')
    found = opened.lit()
    opened.page.keyboard.press('Enter')
    opened.settle()
    assert len(found) > 1 and opened.js('app.stage.camera.zoom') > 1.3 * zoom
    for axis, side in (('x', 'width'), ('y', 'height')):
        places, length = opened.js(f'[Array.from(app.stage.camera.{axis}), app.stage.camera.{side}]')
        places = np.array(places)[found] / length
        assert places.min() > 0.03 and places.max() < 0.97
        assert abs(places.min() + places.max() - 1) < 0.1  # in the middle
    opened.js('rows => app.stage.frame(rows)', list(range(N_NOTES)))
    opened.settle()
    assert opened.js('app.stage.camera.zoom') == pytest.approx(zoom, rel=0.4)
    assert opened.js('rows => { app.stage.frame(rows); return app.store.state.camera.zoom; }', [3]) == 12


# Links.

def in_another_order(columns, seed=1):
    """The same notes in other rows, and forty more of names that were not there."""
    more = note_columns(N_NOTES + 40, seed=9)
    more['note'] = np.array([f'new {name}' for name in more['note']], dtype=object)
    order = np.random.default_rng(seed).permutation(N_NOTES + 40)
    return {name: np.concatenate([column, more[name][N_NOTES:]])[order] for name, column in columns.items()}


@pytest.fixture(scope='module')
def rebuilt(tmp_path_factory, columns):
    return write_map(tmp_path_factory.mktemp('rebuilt'), in_another_order(columns))


def address_of(opened):
    opened.page.wait_for_function('(location.hash || "#") === writeAddress(app.store.state)')
    return '#' + opened.page.url.partition('#')[2]


@pytest.mark.parametrize('n_selected', [3, 300])
def test_a_link_selects_the_same_notes_of_a_rebuilt_map(opened, rebuilt, open_page, n_selected):
    rows = np.random.default_rng(0).choice(N_NOTES, n_selected, replace=False).tolist()
    opened.js('rows => { app.select(rows); app.choose(7); app.store.change('
              '{hiddenFamilies: [2, 6], hiddenSources: [1]}); }', rows)
    address = address_of(opened)
    assert len(address) < 2000
    again = open_page(rebuilt, address)
    names = 'app.store.state.selection.map(note => MAP.notes[note])'
    assert again.js(names) == opened.js(names)
    assert again.js('MAP.notes[app.store.state.note]') == opened.js('MAP.notes[7]')
    assert again.js('app.store.state.hiddenFamilies.map(one => MAP.families[one])') == ['flute', 'organ']
    assert again.js('app.store.state.hiddenSources.map(one => MAP.sources[one])') == ['electronic']


def test_a_link_of_the_atlas_selects_notes_by_name(written, open_page, columns):
    names = [columns['note'][row] for row in (8, 3)]
    opened = open_page(written, '#' + map_address('fc3', 1, names))
    assert opened.js('app.store.state.selection') == [8, 3] and opened.page.is_visible('#panel-selection')
    opened.js('names => { location.hash = names; }', map_address('fc2', 7, names))
    opened.page.wait_for_function('app.store.state.neuron === 7')


def test_old_links_of_rows_are_read(written, open_page):
    opened = open_page(written, '#sel=3-5.9&hide=0.2&hide-source=~Ag')
    assert opened.js('app.store.state.selection') == [3, 4, 5, 9]
    assert opened.js('[app.store.state.hiddenFamilies, app.store.state.hiddenSources]') == [[0, 2], [1]]
    opened.js('location.hash = "sel=~OAI"')
    opened.page.wait_for_function('String(app.store.state.selection) === "3,4,5,9"')


def test_very_large_selections_are_short_links_of_this_map_alone(opened):
    names = [f'note {i}' for i in range(5000)]
    rows = np.flatnonzero(np.random.default_rng(0).random(5000) < 0.4).tolist()
    text, same, other = opened.js('''([names, rows]) => {
        const text = byName(names).write(rows);
        return [text, byName(names).read(text), byName([...names].reverse()).read(text)];
    }''', [names, rows])
    assert len(text) < 900 and same == rows and other == []


def test_broken_names_in_a_link_do_no_harm(opened):
    for text in ('*', '*A', '*AA', '*AAA', '*%25', '_', '_none', '3*', '*_*', '~*', '~A', '_brass&sel=*'):
        assert opened.js('text => readAddress(`#sel=${text}&hide=${text}`).selection', text) == []


def test_the_filtered_notes_are_shown_when_they_are_selected(opened):
    opened.page.click('#search')
    opened.page.keyboard.type('organ')
    opened.page.click('#select-filtered')
    assert opened.page.is_visible('#panel-selection')
    assert 'notes selected' in opened.page.inner_text('#panel-selection h2')


# What is drawn.

def picture_of(opened):
    """The window as an array (height, width, 3), without what lies over the points."""
    opened.settle()
    opened.page.add_style_tag(content='#overlay, #tip, #status { visibility: hidden }')
    return np.array(Image.open(io.BytesIO(opened.page.screenshot())).convert('RGB')).astype(int)


@pytest.fixture
def crowded(tmp_path):
    """A page of 600 notes that are many for it: 500 in one place, 100 alone in rows above it."""
    places = np.zeros((600, 3), np.float32)
    places[:500, :2] = np.random.default_rng(0).normal((0, -0.6), 0.03, (500, 2))
    places[500:, :2] = np.stack([np.arange(100) % 20 / 10 - 0.95, np.arange(100) // 20 / 5], axis=1)
    columns = note_columns(600) | {'tsne_2d': places, 'pitch': np.full(600, 60, np.int16)}
    page = write_map(tmp_path, columns)
    script = tmp_path / 'notes.js'
    script.write_text(re.sub(r'MANY_NOTES = [\d_]+', 'MANY_NOTES = 120', script.read_text(encoding='utf-8')),
                      encoding='utf-8')
    return page


class Lazy(LookedAt):
    ready = 'typeof app !== "undefined" && !app.stage.requested'


@pytest.mark.parametrize('scheme', ['light', 'dark'])
def test_of_many_notes_crowded_places_stand_out(crowded, chromium, scheme):
    opened = Lazy(chromium, crowded, color_scheme=scheme)
    picture = picture_of(opened)
    background = picture[picture.shape[0] // 2, 260]
    among, alone = ([np.abs(drawn(picture, opened, note, 1) - background).sum(axis=2).max() for note in notes]
                    for notes in (range(0, 500, 25), range(550, 570)))
    assert 20 < np.median(alone) < 0.5 * np.median(among)
    opened.js('app.stage.frame([550])')  # where notes do not cover each other, they are solid
    opened.settle()
    picture = picture_of(opened)
    assert np.abs(drawn(picture, opened, 550, 1) - background).sum(axis=2).max() > 1.5 * alone[0]
    assert not opened.complaints
    opened.page.close()


def test_of_many_notes_fewer_are_drawn_while_the_map_moves_slowly(crowded, chromium):
    opened = Lazy(chromium, crowded)
    opened.js("""() => {
        window.drawn = [];
        const {painter, pace} = app.stage, [draw, adapt] = [painter.draw, pace.adapt];
        painter.draw = (discs, count) => { drawn.push(count); draw.call(painter, discs, count); };
        pace.adapt = () => adapt.call(pace, 400);  // as if each frame took so long
    }""")
    move = """n => new Promise(moved => {
        const step = left => { app.stage.turnOrPan(1, 0); requestAnimationFrame(left ? () => step(left - 1) : moved); };
        step(n);
    })"""
    opened.js(move, 20)
    opened.page.wait_for_function('app.stage.pace.share === 1 && !app.stage.requested')
    n_drawn = opened.js('drawn')
    assert n_drawn[0] == 600 and n_drawn == [*sorted(n_drawn[:-1], reverse=True), 600]
    assert 50 <= n_drawn[-2] <= 70  # a tenth at least, of the crowd as of the others
    assert opened.js("""() => {
        const pace = new Pace();
        for (const took of [33.3, 34, 31]) pace.adapt(took);
        return pace.whenMoving;
    }""") == 1  # a display of 30 frames a second is no reason to draw fewer
    opened.js('() => { app.stage.pace.adapt = () => Pace.prototype.adapt.call(app.stage.pace, 5); }')
    opened.js(move, 80)
    assert opened.js('app.stage.pace.whenMoving') == 1  # where frames are quick, all are drawn again
    opened.js('() => { app.stage.pace.adapt = () => {}; app.stage.pace.whenMoving = 0.1; }')
    opened.page.wait_for_function('!app.stage.pace.settling')
    opened.js(move, 0)
    assert opened.js('drawn.at(-1)') == 600  # a single jump shows all
    opened.js('() => app.store.change({note: 3})')
    opened.js(move, 2)
    assert 50 <= opened.js('drawn.at(-1)') <= 70
    assert opened.js('[3, 4].map(app.stage.drawn())') == [True, False]  # the chosen note is always drawn
    opened.js(move, 2)
    assert opened.js("""() => {
        app.lit = app.lit.map((_, note) => note === 4);
        return [4, 6].map(app.stage.drawn());
    }""") == [1, 0]  # and so are a few that are left by the filters
    assert not opened.complaints
    opened.page.close()


@pytest.mark.parametrize('deed', ['app.store.change({colour: "neuron", neuron: 3})', 'app.choose(2)'])
def test_of_many_notes_the_activations_are_read_when_needed(crowded, columns, chromium, deed):
    opened = Lazy(chromium, crowded)
    assert not opened.js('!!MAP.activation')
    assert not any(url.endswith('activation.js') for url in opened.requests)
    opened.js(f'() => {{ {deed}; }}')
    opened.page.wait_for_function('MAP.activation')
    if 'neuron' in deed:
        levels = opened.js('Array.from(levelsOf(3))')
        assert opened.js('Array.from(app.colours)') == opened.js(
            'levels => levels.map(level => lookupTable(scale())[level])', levels) and len(set(levels)) > 50
    else:
        opened.page.wait_for_selector('#panel-note .neuron')
    assert not opened.complaints
    opened.page.close()


def drawn(picture, opened, note, size=7):
    """The pixels (2 size + 1, 2 size + 1, 3) around a note."""
    box = opened.page.locator('#stage').bounding_box()
    x, y = opened.js('note => [app.stage.camera.x[note], app.stage.camera.y[note]]', note)
    column, row = round(box['x'] + x), round(box['y'] + y)
    return picture[row - size:row + size + 1, column - size:column + size + 1]


@pytest.mark.parametrize(('scheme', 'script'), [('light', ''), ('dark', ''), ('dark', '''
    const original = HTMLCanvasElement.prototype.getContext;
    HTMLCanvasElement.prototype.getContext = function (kind, ...rest) {
        return kind === 'webgl2' ? null : original.call(this, kind, ...rest);
    };''')], ids=['light', 'dark', 'without WebGL'])
def test_filtered_notes_do_not_look_like_notes_at_the_low_end_of_the_scale(tmp_path, open_page, scheme, script):
    columns = note_columns(4) | {'tsne_2d': np.array([[-1, -1, 0], [1, 1, 0], [-1, 1, 0], [1, -1, 0]], np.float32)}
    columns['activation'][:] = [[0], [0], [1], [1]]
    opened = open_page(write_map(tmp_path, columns), '#colour=neuron&hide=_bass', color_scheme=scheme, script=script)
    picture = picture_of(opened)
    filtered, low = drawn(picture, opened, 0), drawn(picture, opened, 1)
    background = filtered[0, 0]
    assert contrast(filtered[7, 7], low[7, 7]) > 1.4
    covered = [(np.abs(one - background).sum(axis=2) > 12).sum() for one in (filtered, low)]
    assert 4 <= covered[0] < covered[1] / 3  # a small dot, but it can be seen
    assert contrast(filtered[7, 7], background) > 1.5


def names_drawn(opened):
    """The names on the map: their middles, half widths, height and opacity, and the height of the letters."""
    opened.settle()
    return opened.js('''() => {
        const [{overlay}, names] = [app.stage, []];
        const {fillText} = overlay;
        overlay.fillText = (text, x, y) => names.push(
            {text, x, y, half: overlay.measureText(text).width / 2, opacity: overlay.globalAlpha,
             size: parseFloat(/([\\d.]+)px/.exec(overlay.font)[1])});
        app.stage.paint();
        overlay.fillText = fillText;
        return names;
    }''')


def share_under_a_name(opened):
    """The share of the notes whose disc a name touches."""
    x, y, radius = opened.js('[Array.from(app.stage.camera.x), Array.from(app.stage.camera.y), app.stage.radius()]')
    under = [(np.abs(np.array(x) - one['x']) < one['half'] + radius)
             & (np.abs(np.array(y) - one['y']) < one['size'] / 2 + radius) for one in names_drawn(opened)]
    return np.any(under, axis=0).mean()


@pytest.mark.parametrize('viewport', [WIDE, PHONE], ids=['wide', 'phone'])
def test_names_stand_beside_the_notes_and_inside_the_window(opened, viewport):
    opened.page.set_viewport_size(viewport)
    for view in ('tsne_2d', 'tsne_3d', 'pca'):
        opened.js('view => app.show(view)', view)
        opened.settle()
        width, height = opened.js('[app.stage.camera.width, app.stage.camera.height]')
        names = names_drawn(opened)
        assert {one['text'] for one in names} == set(LABELS)
        assert share_under_a_name(opened) < 0.05
        for one in names:
            assert one['half'] <= one['x'] <= width - one['half']
            assert one['size'] / 2 <= one['y'] <= height - one['size'] / 2
        for i, one in enumerate(names):
            assert not any(abs(one['x'] - other['x']) < one['half'] + other['half']
                           and abs(one['y'] - other['y']) < one['size'] for other in names[:i])


def test_a_name_fades_over_the_note_under_the_pointer_and_over_the_chosen_one(tmp_path, open_page):
    columns = note_columns(2000)
    columns['tsne_2d'] = (np.random.default_rng(0).uniform(-1, 1, (2000, 3)) * [1, 1, 0]).astype(np.float32)
    opened = open_page(write_map(tmp_path, columns))
    names = names_drawn(opened)  # no place is free
    x, y = (np.array(opened.js(f'Array.from(app.stage.camera.{axis})')) for axis in 'xy')
    one = max(names, key=lambda one: one['half'])
    note = int(np.argmin(np.hypot(x - one['x'], y - one['y'])))
    assert {name['opacity'] for name in names} == {1}
    box = opened.page.locator('#stage').bounding_box()
    opened.page.mouse.move(box['x'] + x[note], box['y'] + y[note])
    assert opened.js('app.stage.hovered') == note
    faded = [name for name in names_drawn(opened) if name['opacity'] < 0.3]
    assert [name['text'] for name in faded] == [one['text']]
    opened.page.mouse.move(box['x'] + x[note], 5)
    assert {name['opacity'] for name in names_drawn(opened)} == {1}
    opened.js('note => app.store.change({note})', note)
    assert sum(name['opacity'] < 0.3 for name in names_drawn(opened)) == 1


def test_names_stay_on_their_side_while_the_map_moves(opened):
    before = names_drawn(opened)
    opened.js('() => app.stage.turnOrPan(6, 5)')
    after = {(one['text'], round(one['x'] - 6), round(one['y'] - 5)) for one in names_drawn(opened)}
    stayed = [(one['text'], round(one['x']), round(one['y'])) in after for one in before]
    assert np.mean(stayed) > 0.8  # but at the edges


# What a newcomer sees.

@pytest.mark.parametrize(('touch', 'verb'), [(False, 'Click'), (True, 'Tap')])
def test_a_newcomer_is_told_what_to_do_until_a_note_is_played(written, open_page, touch, verb):
    opened = open_page(written, has_touch=touch, is_mobile=touch)
    said = opened.page.inner_text('#status')
    assert said.startswith(f'{verb} a point to hear it.') and 'Drag' in said
    assert opened.js('() => { app.stage.zoom(1.2); return byId("status").textContent.includes("to hear it"); }')
    opened.js('() => app.choose(3)')
    assert 'to hear it' not in opened.page.inner_text('#status')


def test_the_left_panel_needs_no_scrolling(opened):
    for change in ({}, {'colour': 'neuron'}, {'search': 'brass acoustic'}):
        high, inside = opened.js('''change => {
            app.store.change(change);
            return [document.querySelector('nav').clientHeight, document.querySelector('nav').scrollHeight];
        }''', change)
        assert inside <= high


def test_more_filters_unfold_stay_so_and_say_when_they_are_in_use(written, opened, open_page):
    assert not opened.page.is_visible('#sources') and opened.page.is_hidden('#reset')
    opened.page.click('#more summary')
    opened.page.click('#sources button >> nth=0')
    again = open_page(written, address_of(opened))
    assert again.page.is_visible('#sources') and again.page.inner_text('#more-used') == '1 in use'
    assert again.js('app.store.state.hiddenSources') == [0]
    again.page.click('#reset')
    assert again.page.inner_text('#more-used') == '' and again.page.is_hidden('#reset')
    assert 'more=1' in address_of(again)
    again.page.click('#more summary')
    again.page.wait_for_function('!app.store.state.more')
    assert 'more' not in address_of(again) and not again.page.is_visible('#pitch-low')


def test_what_has_nothing_to_filter_is_not_there(tmp_path, open_page):
    columns = note_columns(8) | {'source': np.full(8, ''), 'pitch': np.full(8, -1, np.int16),
                                 'velocity': np.full(8, -1, np.int16)}
    assert not open_page(write_map(tmp_path, columns)).page.is_visible('#more')


# What an embedded page shortens.

def test_the_page_says_which_sounds_are_shortened(tmp_path, open_page):
    columns = note_columns(4) | {'note': np.array(['short', 'long', 'silent', 'at the limit'], dtype=object)}
    (tmp_path / 'data/test/audio').mkdir(parents=True)
    for note, seconds in (('short', 0.4), ('long', 3), ('at the limit', 1.5)):
        soundfile.write(tmp_path / f'data/test/audio/{note}.wav', np.sin(np.arange(int(16_000 * seconds)) / 6), 16_000)
    shown = SoundMap(tmp_path / 'data', tmp_path / 'run', 'test', LABELS, columns, {}, None,
                     {'trustworthiness': {'pca': 0.9}, 'evaluated_notes': 4}, None, 'C4', False)
    content, *rest = shown.prepare(4, 1.5, embedded=True)
    assert content['shortened'] == [1]
    assert 'Only the first 1.5 s of each can be heard, which shortens 1.' in content['remarks']
    write_page(tmp_path / 'page', content, *rest)
    opened = open_page(tmp_path / 'page/index.html')
    assert opened.js('[0, 1, 2, 3].map(note => app.describe(note).includes("shortened to 1.5 s"))') == [
        False, True, False, False]
    assert shown.prepare(4, 4.0, embedded=True)[0]['shortened'] == []
