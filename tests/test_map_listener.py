"""The map's page listens to a sound: in a real Chromium, it answers as predict.py does."""

import base64
import json
import shutil
from pathlib import Path

import keras
import numpy as np
import pytest
import soundfile
import soxr
from browser import Opened
from conftest import SMALL_LABELS, damaged_copy, noise, sine, stage

import activation
import evaluate
import predict
import sound_map
from deepdream.artifacts import save_csv
from deepdream.embedding import mean_place, place_among, project
from deepdream.map.data import gather, half_span, load_views, pack, sample_rows, unit_box
from deepdream.map.listener import open_listener, pack_network, with_notes
from deepdream.novelty import Novelty
from deepdream.run_folder import PRETRAINED, load_activation, model_digest
from deepdream.sound_font import default_font, render, to_level
from deepdream.spectrum import EPSILON, N_BINS, N_FRAMES
from deepdream.trained import Network, open_network, with_features
from model import get_model

TOLERANCE = 0.001  # of a probability
PROGRAMS = {'trumpet': 56, 'violin': 40, 'piano': 0, 'flute': 73}
DROP = '''files => {
    const transfer = new DataTransfer();
    for (const [name, type, content] of files) transfer.items.add(new File([bytesOf(content)], name, {type}));
    byId('stage').dispatchEvent(new DragEvent('drop', {dataTransfer: transfer, bubbles: true, cancelable: true}));
}'''


def embed_at_random(run):
    """Write coordinates and their quality, which nothing here depends on."""
    n_notes = len(load_activation(run)[0])
    for name, size in (('act_pca', 36), ('act_tsne', 2), ('act_tsne_3d', 3)):
        np.save(run / f'{name}.npy', np.random.default_rng(0).normal(size=(n_notes, size)).astype(np.float32))
    (run / 'tsne.json').write_text(json.dumps({
        'model': model_digest(run), 'purity_k': 10, 'evaluated_notes': n_notes, 'purity': {'fc2': 0.8},
        'trustworthiness': {'tsne_2d': 0.9, 'tsne_3d': 0.9}}))


@pytest.fixture(scope='session')
def harmonic(tmp_path_factory):
    """(data, run) of a map of the notes whose activations are in pretrained/, without their wavs."""
    root = tmp_path_factory.mktemp('harmonic')
    data, run = root / 'data', damaged_copy(PRETRAINED, root / 'run')
    embed_at_random(run)
    notes, labels = load_activation(run)[0], open_network(run).labels
    (data / 'test/audio').mkdir(parents=True)
    (data / 'test_samples.txt').write_text(''.join(f'{note}\n' for note in notes), encoding='utf-8')
    families = [next(i for i, label in enumerate(labels) if note.startswith(label)) for note in notes]
    (data / 'test_labels.txt').write_text(''.join(f'{family}\n' for family in families))
    rng = np.random.default_rng(0)
    shares = rng.dirichlet(np.ones(len(labels)), len(notes))
    save_csv(run / 'predictions.csv', [['note', 'label', 'predicted', *labels],
                                       *([note, '', '', *share] for note, share in zip(notes, shares, strict=True))])
    (run / 'metrics.json').write_text(json.dumps({'model': model_digest(run)}))
    assert sound_map.main(['--data', str(data), '--run', str(run)]) == 0
    return data, run


@pytest.fixture(scope='session')
def tutorial(trained, small_data, tmp_path_factory):
    """(data, run) of a map of the tutorial's network."""
    run = damaged_copy(trained, tmp_path_factory.mktemp('tutorial') / 'run')
    assert stage(evaluate, small_data, run, '--no-baseline') == stage(activation, small_data, run) == 0
    embed_at_random(run)
    assert sound_map.main(['--data', str(small_data), '--run', str(run)]) == 0
    return small_data, run


@pytest.fixture(scope='session')
def rendered():
    """{name: waveform (64000,)} of notes of the sound font."""
    return {name: to_level(render(default_font(), program, 60, 100), 0.8) / np.float32(2**15)
            for name, program in PROGRAMS.items()}


class ListeningPage(Opened):
    ready = 'typeof app !== "undefined" && MAP.activation && !app.stage.requested'

    def listen(self):
        """Wait until all is heard; return (the status, the errors)."""
        self.page.wait_for_function('byId("status").textContent && !/^Listening/.test(byId("status").textContent)')
        return self.page.inner_text('#status'), self.page.locator('#own-errors li').all_text_contents()

    def drop(self, *paths):
        """Drop files on the map; return (the status, the errors)."""
        self.js('byId("status").textContent = ""')
        self.js(DROP, [[path.name, '', base64.b64encode(path.read_bytes()).decode()] for path in paths])
        return self.listen()

    def answers(self):
        """What MAP holds of the sounds that were added, one dictionary each."""
        return self.js('''() => Array.from({length: MAP.count - MAP.n_notes}, (_, i) => {
            const note = MAP.n_notes + i;
            return {file: MAP.notes[note], out_of_distribution: !!MAP.out_of_distribution[note],
                    probabilities: MAP.labels.map((_, family) => probability(note, family)),
                    nearest: [...neighboursOf(note)].map(row => MAP.notes[row]),
                    places: VIEWS.map(view => [...MAP[view].slice(3 * note, 3 * note + 3)])};
        })''')


@pytest.fixture
def page_class():
    return ListeningPage


@pytest.fixture
def opened(harmonic, open_page):
    return open_page(harmonic[1] / 'map/index.html')


def write(folder, name, waveform, rate=16_000, **options):
    soundfile.write(folder / name, waveform, rate, **options)
    return folder / name


def predicted(run, paths, folder):
    """The rows of predict.py."""
    assert predict.main([*map(str, paths), '--run', str(run), '--json', '--output', str(folder / 'out.json')]) == 0
    return json.loads((folder / 'out.json').read_text(encoding='utf-8'))


def compare(answers, rows, tolerance=TOLERANCE):
    assert [answer['file'] for answer in answers] == [Path(row['file']).name for row in rows]
    for answer, row in zip(answers, rows, strict=True):
        np.testing.assert_allclose(answer['probabilities'], list(row['probabilities'].values()), atol=tolerance,
                                   err_msg=row['file'])
        assert answer['out_of_distribution'] == row['out_of_distribution']
        assert answer['nearest'][:5] == row['nearest']


# The layers.

def random_network(kind, n_labels, dtype, rng):
    """A Network of random weights and statistics, a part of which hardly vary; it has an opinion on every spectrum."""
    keras.utils.set_random_seed(0)
    mean = rng.uniform(0, 3, (N_FRAMES, N_BINS)).astype(np.float32)
    std = rng.uniform(0.2, 3, (N_FRAMES, N_BINS)).astype(np.float32)
    std[rng.random(std.shape) < 0.2] = 0.001
    model = get_model(n_labels, kind, mean, std + EPSILON)
    for layer in model.layers:
        if layer.name.endswith('_bn'):
            n = layer.beta.shape[0]
            layer.set_weights([rng.normal(0.2, 0.2, n), rng.normal(size=n), rng.uniform(0.5, 2, n)])
    labels = [f'label {i}' for i in range(n_labels)]
    return Network(labels, with_features(model), mean, std, 0.5, (0.3, 0.5, 0.9), dtype)


@pytest.mark.parametrize(('kind', 'n_labels', 'dtype'), [('harmonic', 2, 'float16'), ('harmonic', 30, 'float32'),
                                                        ('tutorial', 11, 'float16'), ('tutorial', 3, 'float32')])
def test_layers_answer_as_keras_does(opened, rendered, kind, n_labels, dtype):
    rng = np.random.default_rng(0)
    network = random_network(kind, n_labels, dtype, rng)
    waveforms = np.stack([rendered['piano'], 0.01 * rendered['flute'], noise(), sine()]).astype(np.float32)
    probabilities, fc2, features = network.predict(waveforms)
    weights = rng.normal(size=features.shape[1])
    novelty = Novelty(weights, 0.3, float(np.median(features @ weights)))
    listener = pack_network(network, novelty) | {'activation': {'type': 'uint16', 'shape': [0], 'base64': ''}}
    answers = opened.js('''([listener, waveforms]) => waveforms.map(waveform => {
        const {probabilities, fc2, isOut} = askNetwork(unpackNetwork(listener), unpack(waveform));
        return {probabilities, fc2: [...fc2], isOut};
    })''', [json.loads(json.dumps(listener)), [pack(waveform) for waveform in waveforms]])
    assert np.ptp(probabilities, axis=0).max() > 2 * TOLERANCE
    np.testing.assert_allclose([answer['probabilities'] for answer in answers], probabilities, atol=TOLERANCE)
    np.testing.assert_allclose([answer['fc2'] for answer in answers], fc2, atol=0.002 * fc2.max())
    assert [answer['isOut'] for answer in answers] == novelty.are_out(novelty.log_odds(features)).tolist()


# The same answers as predict.py.

def test_dropped_notes_are_answered_and_placed_as_predict_does(harmonic, opened, rendered, tmp_path):
    data, run = harmonic
    paths = [write(tmp_path, f'{name}.wav', waveform) for name, waveform in (rendered | {'noise': noise()}).items()]
    assert opened.drop(*paths) == (f'{len(paths)} sounds added', [])
    rows = predicted(run, paths, tmp_path)
    assert [row['out_of_distribution'] for row in rows] == [False] * 4 + [True]
    answers = opened.answers()
    compare(answers, rows)
    _, columns = gather(data, run, 'test')
    _, fc2, _ = open_network(run).predict(np.stack([next(predict.windows_of(path))[1] for path in paths]))
    for i, (view, places) in enumerate(load_views(run, 'test', len(columns['note'])).items()):
        expected = unit_box((project if view == 'pca' else place_among)(columns['activation'], places, fc2), places)
        found = np.array([answer['places'][i] for answer in answers])
        inside = np.abs(expected).max(axis=1) < 1  # the notes' places are drawn at random, and may push one far out
        assert inside.sum() >= 2
        np.testing.assert_allclose(found[inside], expected[inside], atol=0.002 if view == 'pca' else 0.05)


def test_the_axes_of_a_map_that_shows_some_notes_are_those_of_all(harmonic):
    data, run = harmonic
    _, columns = gather(data, run, 'test')
    principal = with_notes({}, sample_rows(columns, 30), columns, {})['principal']
    middle, centre, axes = (np.frombuffer(base64.b64decode(one['base64']), np.float32).reshape(one['shape'])
                            for one in (principal[name] for name in ('middle', 'centre', 'axes')))
    found = (columns['activation'] - middle) @ axes + centre
    np.testing.assert_allclose(found, project(columns['activation'], columns['pca'], columns['activation']), atol=1e-5)


@pytest.mark.parametrize('n_dimensions', [2, 3])
def test_among_many_notes_a_sound_stands_where_place_among_puts_it(opened, n_dimensions):
    rng = np.random.default_rng(0)
    cluster = np.arange(300) % 6
    activation = (rng.normal(size=(6, 20))[cluster] + 0.3 * rng.normal(size=(300, 20))).astype(np.float32)
    places = (rng.normal(0, 20, (6, n_dimensions))[cluster] + rng.normal(size=(300, n_dimensions))).astype(np.float32)
    later = np.concatenate([activation[:3] + 0.1, activation[:3] / 2 + activation[3:6] / 2, activation[6:7]])
    answers = opened.js("""({activation, later, places, unit}) => {
        MAP.n_notes = places.length / 3;
        MAP.tsne_2d = Float32Array.from(places);
        const network = {activation: Float32Array.from(activation),
            placing: {n_around: 5, perplexity: 30, from: 100, iterations: 100, units: {tsne_2d: unit}}};
        return later.map(one => placeInView(network, one, nearestNotes(network, one, 90), 'tsne_2d'));
    }""", {'activation': activation.ravel().tolist(), 'later': later.tolist(), 'unit': half_span(places),
           'places': unit_box(places).ravel().tolist()})
    expected = unit_box(place_among(activation, places, later), places)
    np.testing.assert_allclose(answers, expected, atol=0.01)
    assert np.abs(expected - unit_box(mean_place(activation, places, later), places)).max() > 0.02


def test_the_tutorials_network_listens_too(tutorial, small_data, open_page, tmp_path):
    _, run = tutorial
    paths = sorted((small_data / 'test/audio').glob('*_02*.wav'))[::6]
    opened = open_page(run / 'map/index.html')
    opened.drop(*paths)
    assert opened.js('MAP.labels') == list(SMALL_LABELS)
    compare(opened.answers(), predicted(run, paths, tmp_path))


def variants(folder, waveform):
    """Files that hold the note otherwise: (file, tolerance)."""
    fast, odd = soxr.resample(waveform, 16_000, 44_100), soxr.resample(waveform, 16_000, 22_050)
    late = np.concatenate([0.001 * noise(seconds=3.35), np.zeros(16_000 * 4, np.float32), waveform, np.zeros(16_000)])
    return [(write(folder, 'quiet.wav', 0.01 * waveform, subtype='FLOAT'), TOLERANCE),
            (write(folder, 'offset.wav', 0.5 * waveform + 0.1), TOLERANCE),
            (write(folder, 'late.flac', late), TOLERANCE),
            (write(folder, 'stereo.wav', np.stack([fast, 0.5 * fast], axis=1), 44_100), TOLERANCE),
            (write(folder, 'cancelled.wav', np.stack([fast, -0.9 * fast], axis=1), 44_100), TOLERANCE),
            (write(folder, 'odd.wav', np.pad(odd, (22_050 * 6, 0)), 22_050, subtype='PCM_24'), TOLERANCE),
            (write(folder, 'low.wav', soxr.resample(waveform, 16_000, 8000), 8000), TOLERANCE)]


@pytest.mark.parametrize('name', ['trumpet', 'piano'])
def test_any_make_level_rate_and_place_of_a_note(harmonic, opened, rendered, tmp_path, name):
    files = variants(tmp_path, 0.9 * rendered[name])
    assert opened.drop(*[path for path, _ in files])[1] == []
    rows = predicted(harmonic[1], [path for path, _ in files], tmp_path)
    for answer, row, (path, tolerance) in zip(opened.answers(), rows, files, strict=True):
        assert answer['file'] == path.name == Path(row['file']).name
        np.testing.assert_allclose(answer['probabilities'], list(row['probabilities'].values()), atol=tolerance,
                                   err_msg=path.name)


# What the reader sees and hears.

def test_a_dropped_sound_is_ringed_explained_and_played_at_its_own_rate(opened, rendered, tmp_path):
    fast = soxr.resample(rendered['trumpet'], 16_000, 44_100)
    status, errors = opened.drop(write(tmp_path, '<b>mine.wav', np.stack([fast, fast], axis=1), 44_100))
    assert errors == [] and status.startswith('<b>mine.wav: ')
    note = opened.js('MAP.n_notes')
    assert opened.js('app.store.state.note') == note
    card = opened.page.inner_text('#panel-note')
    assert '<b>mine.wav' in card and 'a sound of yours' in card and 'taken for' in card
    assert opened.page.locator('#panel-note .neighbours .line').count() == 8
    opened.page.wait_for_selector('#panel-note canvas')
    assert opened.js('note => MAP.own.get(note)[0].sampleRate', note) == 44_100
    assert opened.js('note => MAP.own.get(note)[0].numberOfChannels', note) == 2
    opened.page.mouse.click(*opened.js('''note => {
        const {left, top} = byId('stage').getBoundingClientRect();
        return [left + app.stage.camera.x[note], top + app.stage.camera.y[note]];
    }''', note))
    opened.wait_for_sound()
    drawn = opened.js('''() => { const rings = []; const ring = app.stage.ring;
        app.stage.ring = (...one) => rings.push(one); app.stage.paintAdded(); app.stage.ring = ring; return rings; }''')
    assert [(one[0], one[3]) for one in drawn] == [(note, '#dd2255')]


def test_views_filters_neurons_and_tables_take_it_in(opened, rendered, tmp_path):
    opened.drop(write(tmp_path, 'mine.wav', rendered['flute']), write(tmp_path, 'yours.wav', rendered['piano']))
    note, complete = opened.js('MAP.n_notes'), 'note => app.stage.camera.x.length === MAP.count && app.lit[note]'
    for key in '321':
        opened.page.keyboard.press(key)
        opened.page.wait_for_function('!app.stage.requested && !app.stage.camera.motion')
        assert opened.js(complete, note)
    assert opened.page.inner_text('#families .toggle:last-child').split() == ['your', 'sound', '2']
    opened.page.click('#families .toggle:last-child')
    assert not opened.js('note => app.lit[note]', note)
    opened.page.click('#families .toggle:last-child')
    level = opened.js('note => Math.max(...rowOf("strongest", note).map(neuron => activationOf(note, neuron)))', note)
    assert level > 0
    opened.js('app.store.change({colour: "neuron", neuron: 3})')
    assert opened.js('note => app.colours.length === MAP.count && app.stage.discs.byteLength === 16 * MAP.count', note)
    assert opened.js('note => csvText([note]).split("\\n")[1]', note).startswith('mine.wav,mine.wav,your sound,')
    assert opened.js('sfzText([MAP.n_notes])') == ''
    assert 'page does not know' in ' '.join(opened.js('sfzRemarks([MAP.n_notes])'))


def test_what_cannot_be_used_is_named_in_a_line_each(opened, rendered, tmp_path):
    (tmp_path / 'text.txt').write_text('no sound')
    (tmp_path / 'empty.wav').write_bytes(b'')
    files = [tmp_path / 'text.txt', tmp_path / 'empty.wav', write(tmp_path, 'silence.wav', np.zeros(16_000)),
             write(tmp_path, 'short.wav', np.ones(8)), write(tmp_path, 'flute.wav', rendered['flute'])]
    status, errors = opened.drop(*files)
    assert errors == ['text.txt: not audio that this browser can read', 'empty.wav: empty',
                      'silence.wav: silent (its peak is below −80 dB)', 'short.wav: shorter than 1 ms']
    assert status.startswith('flute.wav: ') and status.endswith('4 cannot be used')
    assert [answer['file'] for answer in opened.answers()] == ['flute.wav']
    assert opened.page.locator('#own-errors li').first.is_visible()


def test_a_folder_is_chosen_with_its_sounds_alone(opened, rendered, tmp_path):
    (tmp_path / 'kit/low').mkdir(parents=True)
    (tmp_path / 'kit/about.txt').write_text('no sound')
    write(tmp_path / 'kit', 'flute.wav', rendered['flute'])
    write(tmp_path / 'kit/low', 'piano.wav', rendered['piano'])
    opened.page.set_input_files('#own-folder-input', tmp_path / 'kit')
    opened.listen()
    assert sorted(answer['file'] for answer in opened.answers()) == ['flute.wav', 'piano.wav']


def test_a_dropped_folder_is_opened(opened, rendered, tmp_path):
    """Dropped as by the desktop."""
    (tmp_path / 'kit/low').mkdir(parents=True)
    write(tmp_path / 'kit', 'flute.wav', rendered['flute'])
    write(tmp_path / 'kit/low', 'piano.wav', rendered['piano'])
    client = opened.page.context.new_cdp_session(opened.page)
    for kind in ('dragEnter', 'dragOver', 'drop'):
        client.send('Input.dispatchDragEvent', {'type': kind, 'x': 600, 'y': 400, 'data': {
            'items': [], 'files': [str(tmp_path / 'kit')], 'dragOperationsMask': 1}})
    opened.page.wait_for_function('MAP.count === MAP.n_notes + 2')
    assert [answer['file'] for answer in opened.answers()] == ['flute.wav', 'piano.wav']


def test_a_voice_is_recorded_while_the_button_is_held(harmonic, open_page):
    opened = open_page(harmonic[1] / 'map/index.html', script='''
        navigator.mediaDevices.getUserMedia = async () => {
            const context = new AudioContext();
            const target = new MediaStreamAudioDestinationNode(context);
            const source = new OscillatorNode(context, {frequency: 330, type: 'sawtooth'});
            source.connect(target);
            source.start();
            window.stream = target.stream;
            return target.stream;
        };''')
    opened.page.click('#own summary')
    x, y, width, height = opened.page.locator('#own-record').bounding_box().values()
    opened.page.mouse.move(x + width / 2, y + height / 2)
    opened.page.mouse.down()
    opened.page.wait_for_function('byId("own-record").textContent.startsWith("Recording")')
    opened.page.wait_for_timeout(700)
    opened.page.mouse.up()
    opened.page.wait_for_function('MAP.count > MAP.n_notes')
    answer, = opened.answers()
    assert answer['file'] == 'recording 1' and sum(answer['probabilities']) == pytest.approx(1, abs=0.001)
    sound = opened.js('[...MAP.own.get(MAP.n_notes)[0].getChannelData(0)]')
    spectrum = np.abs(np.fft.rfft(sound))
    assert spectrum.argmax() * 48_000 / len(sound) == pytest.approx(330, abs=5)
    assert opened.js('stream.getTracks().every(track => track.readyState === "ended")')


def test_the_page_says_that_it_sends_nothing_and_cannot(opened):
    assert 'No sound is sent anywhere' in opened.page.locator('#own').text_content()
    assert 'refused' in opened.js('fetch("data:,a").then(() => "sent", () => "refused")')
    refused, opened.complaints[:] = opened.complaints[:], []
    assert refused and all('Content Security Policy' in one or one == 'data:,a' for one in refused)


def test_the_embedded_page_listens(harmonic, open_page, rendered, tmp_path):
    data, run = harmonic
    assert sound_map.main(['--data', str(data), '--run', str(run), '--embed']) == 0
    shutil.move(run / 'map_embed.html', tmp_path / 'mailed.html')
    opened = open_page(tmp_path / 'mailed.html')
    path = write(tmp_path, 'trumpet.wav', rendered['trumpet'])
    opened.drop(path)
    compare(opened.answers(), predicted(run, [path], tmp_path))
    asked = [url for url in opened.requests if not url.startswith(('data:', 'blob:'))]
    assert asked == [(tmp_path / 'mailed.html').as_uri()]


# What Python writes.

def test_the_network_is_packed_once_for_its_files(harmonic, tmp_path):
    run = damaged_copy(PRETRAINED, tmp_path / 'run')
    first = open_listener(run, run)
    assert json.loads((run / 'network.json').read_text())['network'] == json.loads(json.dumps(first))
    written = (run / 'network.json').stat().st_mtime_ns
    assert open_listener(run, run) == json.loads(json.dumps(first))
    assert (run / 'network.json').stat().st_mtime_ns == written
    (run / 'novelty.npz').unlink()
    assert open_listener(run, run)['novelty'] is None


def test_a_run_without_its_network_takes_no_sounds(tmp_path):
    assert open_listener(tmp_path, tmp_path) is None


def test_an_unknown_layer_is_named_and_the_map_does_without(tmp_path, capsys):
    run = damaged_copy(PRETRAINED, tmp_path / 'run')
    spectrum = keras.Input((N_FRAMES, N_BINS, 1))
    x = keras.layers.GlobalAveragePooling2D(name='odd')(spectrum)
    x = keras.layers.Dense(11, name='fc3')(keras.layers.Dense(256, name='fc2')(x))
    keras.Model(spectrum, x).save(run / 'model.keras')
    for name in ('calibration.json', 'novelty.npz'):
        (run / name).unlink()
    assert open_listener(run, run) is None
    assert 'a layer odd of the kind GlobalAveragePooling2D' in capsys.readouterr().err
