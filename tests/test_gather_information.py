"""gather_information.py: the lists, and what it refuses."""

import os
import sys

import pytest
from conftest import LABELS, contents, error_line, run_python

import gather_information


def touch(data, split, *names):
    """Stage 1 looks at names only, so empty files will do."""
    folder = data / split / 'audio'
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        (folder / name).touch()


def lists_of(data, split):
    return [(data / f'{split}_{kind}.txt').read_text(encoding='utf-8').splitlines() for kind in ('samples', 'labels')]


def lists_in(data):
    return {path.name for path in data.glob('*.txt')}


@pytest.fixture
def data(tmp_path):
    return tmp_path / 'data'


@pytest.fixture
def gather(data, labels_txt):
    return lambda *options: gather_information.main(['--data', str(data), '--labels', str(labels_txt), *options])


# What is listed.

def test_the_lists_are_sorted_and_in_step(data, gather):
    names = ['vocal_a_1-060-100', 'bass_b_10-060-100', 'bass_b_2-060-100', 'organ_a_0-001-025', 'Bass', 'bass_B-1']
    touch(data, 'train', *(f'{name}.wav' for name in names if name != 'Bass'))
    assert gather() == 0
    notes, class_indices = lists_of(data, 'train')
    assert notes == sorted(names[:4] + names[5:])
    assert class_indices == [str(LABELS.index(note.split('_')[0])) for note in notes]
    assert (data / 'train_samples.txt').read_bytes().endswith(b'\n')


def test_the_order_does_not_depend_on_the_order_of_the_folder(data, gather, monkeypatch):
    touch(data, 'train', *(f'bass_{i}.wav' for i in range(20)))
    gather()
    first = lists_of(data, 'train')
    scandir = os.scandir

    class Reversed:
        def __init__(self, path):
            with scandir(path) as entries:
                self.entries = sorted(entries, key=lambda entry: entry.name, reverse=True)

        def __enter__(self):
            return iter(self.entries)

        def __exit__(self, *_):
            pass

    monkeypatch.setattr(os, 'scandir', Reversed)
    assert gather() == 0
    assert lists_of(data, 'train') == first


def test_wav_in_any_case_and_nothing_else(data, gather):
    touch(data, 'train', 'bass_1.wav', 'bass_2.WAV', 'bass_3.Wav', '.bass_4.wav', '._bass_1.wav', '.wav', 'bass_5.mp3',
          'bass_6.wav.txt', 'bass_7', 'examples.json', 'Thumbs.db')
    (data / 'train' / 'audio' / 'bass_8.wav').mkdir()
    (data / 'train' / 'audio' / 'bass_9.wav').symlink_to(data / 'gone.wav')
    assert gather() == 0
    assert lists_of(data, 'train') == [['bass_1', 'bass_2', 'bass_3'], ['0', '0', '0']]


def test_a_dot_within_a_name_stays(data, gather):
    touch(data, 'train', 'bass_v1.5.wav')
    assert gather() == 0
    assert lists_of(data, 'train')[0] == ['bass_v1.5']


@pytest.mark.parametrize('labels', [['synth', 'synth_lead', 'syn'], ['synth_lead', 'syn', 'synth']])
def test_the_longest_label_of_an_own_file_wins(data, labels_txt, gather, labels):
    labels_txt.write_text('\n'.join(labels))
    touch(data, 'train', 'synth_lead_acoustic_1.wav', 'synth_leader_1.wav', 'synth_1.wav', 'syn_1.wav')
    assert gather() == 0
    expected = {'synth_lead_acoustic_1': 'synth_lead', 'synth_leader_1': 'synth', 'synth_1': 'synth', 'syn_1': 'syn'}
    notes, class_indices = lists_of(data, 'train')
    assert {note: labels[int(i)] for note, i in zip(notes, class_indices, strict=True)} == expected


def test_the_class_index_is_the_line_of_labels_txt(data, labels_txt, gather):
    labels_txt.write_text('zither\nbass\nalphorn\n')
    touch(data, 'test', 'alphorn_1.wav', 'bass_1.wav', 'zither_1.wav')
    assert gather() == 0
    assert lists_of(data, 'test')[1] == ['2', '1', '0']


def test_a_labels_txt_from_windows_is_the_same(data, labels_txt, gather):
    labels_txt.write_bytes(b'zither \r\nbass\r\n')
    touch(data, 'train', 'bass_1.wav', 'zither_1.wav')
    assert gather() == 0
    assert lists_of(data, 'train')[1] == ['1', '0']


def test_a_byte_order_mark_is_no_part_of_the_first_label(data, labels_txt, gather):
    labels_txt.write_bytes(b'\xef\xbb\xbfzither\r\nbass\r\n')
    touch(data, 'train', 'bass_1.wav', 'zither_1.wav')
    assert gather() == 0
    assert lists_of(data, 'train')[1] == ['1', '0']


def test_all_splits_are_found_and_only_those(data, gather):
    touch(data, 'valid', 'bass_1.wav')
    touch(data, 'test', 'reed_1.wav', 'reed_2.wav')
    touch(data, 'other', 'reed_3.wav')
    assert gather() == 0
    assert lists_in(data) == {f'{split}_{kind}.txt' for split in ('valid', 'test') for kind in ('samples', 'labels')}
    assert lists_of(data, 'test') == [['reed_1', 'reed_2'], ['7', '7']]


def test_an_empty_split_beside_a_full_one_gives_empty_lists(data, gather):
    touch(data, 'train', 'bass_1.wav')
    touch(data, 'valid')
    assert gather() == 0
    assert lists_of(data, 'valid') == [[], []]


@pytest.mark.parametrize('note', ["bass_it's a \"note\"", 'bass_ two  spaces ', 'bass_피아노', 'bass_ピアノ-060-100',
                                  'bass_$(x);&'])
def test_odd_names_work(data, gather, note):
    touch(data, 'train', f'{note}.wav', 'bass_0.wav')
    assert gather() == 0
    assert note in (data / 'train_samples.txt').read_text(encoding='utf-8').split('\n')


def test_a_korean_label_works(data, labels_txt, gather):
    labels_txt.write_text('bass\n가야금\n', encoding='utf-8')
    touch(data, 'train', '가야금_01-060-100.wav')
    assert gather() == 0
    assert lists_of(data, 'train') == [['가야금_01-060-100'], ['1']]


def test_data_may_be_the_current_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    touch(tmp_path, 'train', 'bass_1.wav')
    (tmp_path / 'labels.txt').write_text('bass\n')
    assert gather_information.main(['--data', '.']) == 0
    assert (tmp_path / 'train_samples.txt').read_text() == 'bass_1\n'


def test_lists_are_the_same_again(data, gather):
    touch(data, 'train', 'bass_1.wav', 'reed_1.wav')
    gather()
    first = contents(data)
    assert gather() == 0
    assert contents(data) == first


# What is said.

def test_the_counts_by_label_and_split(data, gather, capsys):
    touch(data, 'train', *(f'bass_{i}-060-100.wav' for i in range(12)), 'reed_0.wav')
    touch(data, 'test', 'reed_9.wav')
    assert gather() == 0
    rows = {line.split()[0]: line.split()[1:] for line in capsys.readouterr().out.splitlines()}
    assert rows['label'] == ['train', 'test']
    assert rows['bass'] == ['12', '0']
    assert rows['reed'] == ['1', '1']
    assert rows['synth_lead'] == ['0', '0']
    assert rows['all'] == ['13', '1']
    assert set(LABELS) <= set(rows)


def test_shared_instruments_are_warned_of(data, gather, capsys):
    touch(data, 'train', 'bass_synthetic_033-045-100.wav', 'reed_acoustic_001-045-100.wav')
    touch(data, 'valid', 'bass_synthetic_033-046-100.wav')
    touch(data, 'test', 'reed_acoustic_002-045-100.wav')
    assert gather() == 0
    warnings = [line for line in ''.join(capsys.readouterr()).splitlines() if 'warning' in line]
    assert len(warnings) == 1
    assert 'bass_synthetic_033' in warnings[0] and 'valid' in warnings[0] and 'reed' not in warnings[0]


def test_disjoint_instruments_are_not_warned_of(data, gather, capsys):
    touch(data, 'train', 'bass_synthetic_033-045-100.wav')
    touch(data, 'valid', 'bass_synthetic_034-045-100.wav')
    touch(data, 'test', 'bass_synthetic_034-045-100.wav')  # shared with valid: no matter for what train learns
    assert gather() == 0
    assert 'warning' not in ''.join(capsys.readouterr())


def test_sounds_of_other_formats_are_counted_with_the_remedy(data, gather, capsys):
    touch(data, 'train', 'bass_1.wav', *(f'bass_{i}.aif' for i in range(8)), 'bass_9.FLAC', 'bass_9.m4a', 'notes.txt')
    touch(data, 'test', 'reed_1.wav', *(f'bass_{i}.flac' for i in range(3)), '._bass_1.flac', 'Thumbs.db')
    assert gather() == 0
    line, = (line for line in capsys.readouterr().out.splitlines() if 'left out' in line)
    assert line.startswith('left out: 13 files') and '(.aif 8, .flac 4, .m4a 1): run `python split_notes.py`' in line
    assert lists_of(data, 'train') == [['bass_1'], ['0']]


def test_wavs_alone_leave_nothing_out(data, gather, capsys):
    touch(data, 'train', 'bass_1.wav', 'notes.txt', 'examples.json', '._bass_1.aif', '.DS_Store')
    assert gather() == 0
    assert 'left out' not in capsys.readouterr().out


# What is refused.

def test_unknown_names_write_nothing_and_are_listed(data, gather, capsys):
    touch(data, 'train', 'bass_1.wav', *(f'tuba_{i:02}.wav' for i in range(12)))
    touch(data, 'valid', 'bass_2.wav')
    assert gather() == 1
    line = error_line(capsys.readouterr().err, '12 of 14', 'labels.txt', '--skip-unknown')
    assert line.count('tuba_') == 10 and 'tuba_09' in line and 'tuba_10' not in line
    assert lists_in(data) == set()


def test_unknown_names_leave_earlier_lists_as_they_are(data, gather):
    touch(data, 'train', 'bass_1.wav')
    touch(data, 'test', 'bass_2.wav')
    gather()
    first = contents(data)
    touch(data, 'test', 'tuba_1.wav')
    touch(data, 'train', 'bass_3.wav')
    assert gather() == 1
    assert {name: content for name, content in contents(data).items() if name.endswith('.txt')} == \
        {name: content for name, content in first.items() if name.endswith('.txt')}


@pytest.mark.parametrize('name', ['bass.wav', 'bassoon_1.wav', 'Bass_1.wav', ' bass_1.wav', 'bass-1.wav'])
def test_a_label_counts_only_with_its_underscore(data, gather, capsys, name):
    touch(data, 'train', 'bass_1.wav', name)
    assert gather() == 1
    error_line(capsys.readouterr().err, '1 of 2', repr(name.removesuffix('.wav')))


def test_skip_unknown_leaves_them_out_and_says_so(data, gather, capsys):
    touch(data, 'train', 'bass_1.wav', 'tuba_1.wav', 'reed_1.wav')
    assert gather('--skip-unknown') == 0
    out = capsys.readouterr().out
    assert '1 of 3' in out and 'tuba_1' in out
    assert lists_of(data, 'train') == [['bass_1', 'reed_1'], ['0', '7']]


@pytest.mark.parametrize('options', [[], ['--skip-unknown']])
def test_all_unknown_is_an_error(data, gather, capsys, options):
    touch(data, 'train', 'tuba_1.wav', 'tuba_2.wav')
    assert gather(*options) == 1
    error_line(capsys.readouterr().err, '2 of 2', 'tuba_1')
    assert lists_in(data) == set()


def test_no_split_names_what_makes_one(data, gather, capsys):
    assert gather() == 1
    error_line(capsys.readouterr().err, data, 'render_notes.py', 'download_nsynth.py', '--data')
    assert not data.exists()


def test_splits_without_a_wav_are_an_error(data, gather, capsys):
    touch(data, 'train', 'readme.txt')
    touch(data, 'valid')
    assert gather() == 1
    error_line(capsys.readouterr().err, data, '.wav')
    assert lists_in(data) == set()


def test_splits_of_other_formats_only_name_what_converts_them(data, gather, capsys):
    touch(data, 'train', 'bass_1.aif', 'bass_2.aif')
    touch(data, 'valid', 'bass_3.aiff')
    assert gather() == 1
    error_line(capsys.readouterr().err, data, 'no .wav file', '3 files', '(.aif 2, .aiff 1)', '`python split_notes.py`')
    assert lists_in(data) == set()


def test_two_files_of_one_note_are_refused(data, gather, capsys):
    touch(data, 'train', 'bass_1.wav', 'bass_1.WAV')
    assert gather() == 1
    error_line(capsys.readouterr().err, 'bass_1.wav', 'bass_1.WAV', 'rename or remove')
    assert lists_in(data) == set()


@pytest.mark.skipif(sys.platform != 'linux', reason='file systems elsewhere refuse such names')
@pytest.mark.parametrize('name', [b'bass_a\nb.wav', b'bass_a\rb.wav', b'bass_a\tb.wav', b'bass_\xff\xfe.wav',
                                  'bass_\u2028.wav'.encode()])
def test_a_name_that_cannot_stand_in_a_list_is_refused(data, gather, capsys, name):
    touch(data, 'train', 'bass_1.wav')
    with open(os.path.join(os.fsencode(data / 'train' / 'audio'), name), 'wb'):
        pass
    assert gather() == 1
    error_line(capsys.readouterr().err, 'bass_', 'rename it', str(data))
    assert lists_in(data) == set()


def test_a_name_that_is_not_utf8_is_refused_on_a_terminal_of_any_encoding(data, labels_txt):
    touch(data, 'train', 'bass_1.wav')
    with open(os.path.join(os.fsencode(data / 'train' / 'audio'), b'bass_\xff.wav'), 'wb'):
        pass
    result = run_python('gather_information.py', '--data', data, '--labels', labels_txt,
                        env=os.environ | {'PYTHONIOENCODING': 'ascii'})
    assert result.returncode == 1
    error_line(result.stderr, 'rename it')


@pytest.mark.parametrize(('content', 'words'), [('bass\nreed\nbass\n', ['bass', 'twice']), ('', ['empty']),
                                                ('\n \n', ['empty'])])
def test_a_labels_txt_that_is_none(data, labels_txt, gather, capsys, content, words):
    labels_txt.write_text(content)
    touch(data, 'train', 'bass_1.wav')
    assert gather() == 1
    error_line(capsys.readouterr().err, labels_txt, *words)
    assert lists_in(data) == set()


def test_a_labels_txt_that_is_not_utf8(data, labels_txt, gather, capsys):
    labels_txt.write_bytes(b'bass\n\xff\n')
    touch(data, 'train', 'bass_1.wav')
    assert gather() == 1
    assert '`python git' not in error_line(capsys.readouterr().err, labels_txt, 'UTF-8')


def test_a_missing_labels_txt_has_a_remedy_that_one_can_run(data, labels_txt, gather, capsys):
    labels_txt.unlink()
    touch(data, 'train', 'bass_1.wav')
    assert gather() == 1
    assert '`python git' not in error_line(capsys.readouterr().err, labels_txt)
    assert lists_in(data) == set()


def test_a_full_disk_loses_no_earlier_list(data, labels_txt, gather):
    touch(data, 'train', 'bass_1.wav')
    gather()
    touch(data, 'train', *(f'bass_{i}.wav' for i in range(100)))
    result = run_python('gather_information.py', '--data', data, '--labels', labels_txt, max_file_bytes=100)
    assert result.returncode == 1
    error_line(result.stderr, data / 'train_samples.txt', 'cannot write')
    assert lists_of(data, 'train') == [['bass_1'], ['0']]
    assert {path.name for path in data.iterdir()} == {'train', 'train_samples.txt', 'train_labels.txt'}
