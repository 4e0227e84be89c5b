"""download_nsynth.py against a small archive on a local server that can be told to misbehave."""

import gzip
import hashlib
import http.server
import io
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import tarfile
import threading
import time
from collections import namedtuple
from pathlib import Path

import pytest

import download_nsynth

ROOT = Path(download_nsynth.__file__).parent
NOTES = {'train': 3, 'valid': 2, 'test': 4}


def wav_bytes(split, index):
    """9,600 bytes, another content for each note, that compress to a little more than 600."""
    return random.Random(f'{split}{index}').randbytes(600) * 16


def tree_of(split, notes=None):
    """What DATA/{split} has to hold in the end: relative path -> bytes."""
    tree = {f'audio/bass_synthetic_{i:03d}-045-100.wav': wav_bytes(split, i) for i in range(notes or NOTES[split])}
    return tree | {'examples.json': b'{"split": "%s"}' % split.encode()}


def plain(name, content=b'x'):
    member = tarfile.TarInfo(name)
    member.size = len(content)
    return member, content


def special(name, kind, linkname=''):
    member = tarfile.TarInfo(name)
    member.type, member.linkname = kind, linkname
    return member, b''


def tar_of(split, extra=(), notes=None, level=6, without='', mode=0o644):
    """The bytes of NSynth's archive in small; `extra` members come in its middle, the file `without` is left out."""
    folder = f'nsynth-{split}'
    members = [special(folder, tarfile.DIRTYPE), special(f'{folder}/audio', tarfile.DIRTYPE)]
    members += [plain(f'{folder}/{name}', content) for name, content in tree_of(split, notes).items()
                if name != without]
    members[4:4] = extra
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode='w:gz', compresslevel=level) as tar:
        for member, content in members:
            member.mode = 0o755 if member.isdir() else mode
            tar.addfile(member, io.BytesIO(content))
    return file.getvalue()


class Handler(http.server.BaseHTTPRequestHandler):
    """Serves server.files; `ranges`: answers Range; `cuts`: absolute offsets at which the next answers break off."""

    def do_GET(self):
        server, body = self.server, self.server.files.get(self.path)
        server.asked.append((self.path, self.headers.get('Range')))
        server.encodings.append(self.headers.get('Accept-Encoding'))
        if len(server.asked) > 50:  # a client that never gives up
            return self.send_error(404)
        if server.failures:
            return self.send_error(server.failures.pop(0))
        if body is None:
            return self.send_error(404)
        wanted = re.fullmatch(r'bytes=(\d+)-', self.headers.get('Range', '')) if server.ranges else None
        start = int(wanted[1]) if wanted else 0
        if start >= len(body):
            return self.send_error(416)
        self.send_response(206 if wanted else 200)
        if wanted:
            self.send_header('Content-Range', f'bytes {start}-{len(body) - 1}/{len(body)}')
        if server.lengths:
            self.send_header('Content-Length', str(len(body) - start))
        for header, value in server.headers.items():
            self.send_header(header, value)
        self.end_headers()
        end = server.cuts.pop(0) if server.cuts else server.always_cut or len(body)
        self.wfile.write(body[start:end])  # and the connection is closed: HTTP/1.0

    def log_message(self, *_):
        pass


@pytest.fixture
def server(monkeypatch):
    for name in ('NO_PROXY', 'no_proxy'):
        monkeypatch.setenv(name, '127.0.0.1')
    server = http.server.ThreadingHTTPServer(('127.0.0.1', 0), Handler)
    server.files, server.asked, server.encodings, server.headers = {}, [], [], {}
    server.ranges, server.lengths, server.cuts, server.always_cut, server.failures = True, True, [], None, []
    server.url = f'http://127.0.0.1:{server.server_port}/nsynth-{{split}}.jsonwav.tar.gz'
    thread = threading.Thread(target=server.serve_forever, kwargs={'poll_interval': 0.01}, daemon=True)
    thread.start()
    monkeypatch.setattr(download_nsynth, 'PAUSES', (0, 0))
    monkeypatch.setattr(download_nsynth, 'ARCHIVES', {})
    for split in NOTES:
        serve(server, split, tar_of(split))
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


def serve(server, split, content, size=None, md5=None, notes=None):
    """Put `content` on the server and into the table of what is expected, where the rest may contradict it."""
    server.files[f'/nsynth-{split}.jsonwav.tar.gz'] = content
    download_nsynth.ARCHIVES[split] = (size or len(content), md5 or hashlib.md5(content).hexdigest(),
                                       notes or NOTES[split])


def run(server, data, *options, split='test'):
    return download_nsynth.main(['--url', server.url, '--data', str(data), '--split', *split.split(), *options])


def content_of(folder):
    """Every file under `folder`, hidden ones too: relative path -> bytes."""
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(Path(folder).rglob('*')) if p.is_file()}


def names_in(folder):
    return {p.name for p in Path(folder).iterdir()}


def archive_in(data, split='test', part=False):
    return data / f'nsynth-{split}.jsonwav.tar.gz{".part" if part else ""}'


def error_line(capsys_or_text):
    """The one line of error, which is the last of stderr."""
    text = capsys_or_text if isinstance(capsys_or_text, str) else capsys_or_text.readouterr().err
    lines = text.strip().split('\n')
    assert [line for line in lines if ': error: ' in line] == lines[-1:], text
    assert 'Traceback' not in text
    return lines[-1]


def whole(data, split='test'):
    return content_of(data / split) == tree_of(split)


# Without trouble.

def test_the_tree_is_there_and_the_archive_gone(server, tmp_path, capsys):
    assert run(server, tmp_path) == 0
    assert whole(tmp_path)
    assert names_in(tmp_path) == {'test'}
    assert server.asked == [('/nsynth-test.jsonwav.tar.gz', None)]
    assert server.encodings == ['identity']
    assert 'GB of disk needed' in capsys.readouterr().out


def test_keep_archive(server, tmp_path):
    assert run(server, tmp_path, '--keep-archive') == 0
    assert names_in(tmp_path) == {'test', archive_in(tmp_path).name}
    assert archive_in(tmp_path).read_bytes() == server.files['/nsynth-test.jsonwav.tar.gz']


def test_a_kept_archive_is_used_again(server, tmp_path):
    run(server, tmp_path, '--keep-archive')
    shutil.rmtree(tmp_path / 'test')
    assert run(server, tmp_path) == 0
    assert whole(tmp_path)
    assert len(server.asked) == 1
    assert names_in(tmp_path) == {'test'}


def test_several_splits_and_none_twice(server, tmp_path):
    assert run(server, tmp_path, split='valid test valid') == 0
    assert names_in(tmp_path) == {'valid', 'test'}
    assert whole(tmp_path, 'valid') and whole(tmp_path, 'test')
    assert len(server.asked) == 2


def test_all_splits_without_the_option(server, tmp_path):
    assert download_nsynth.main(['--url', server.url, '--data', str(tmp_path)]) == 0
    assert all(whole(tmp_path, split) for split in NOTES)


def test_a_second_run_asks_for_nothing_and_changes_nothing(server, tmp_path, capsys):
    run(server, tmp_path)
    before, asked = {p: p.stat().st_mtime_ns for p in tmp_path.rglob('*')}, list(server.asked)
    capsys.readouterr()
    assert run(server, tmp_path) == 0
    assert {p: p.stat().st_mtime_ns for p in tmp_path.rglob('*')} == before
    assert server.asked == asked
    assert re.search(r'^test: .*skipped', capsys.readouterr().out)


def test_a_split_that_is_there_keeps_its_archive_if_told_so(server, tmp_path):
    run(server, tmp_path)
    archive_in(tmp_path, part=True).write_bytes(server.files['/nsynth-test.jsonwav.tar.gz'])
    assert run(server, tmp_path, '--keep-archive') == 0
    assert archive_in(tmp_path, part=True).exists()
    assert run(server, tmp_path) == 0
    assert names_in(tmp_path) == {'test'}


def test_other_things_in_the_split_are_kept(server, tmp_path):
    spectrum = tmp_path / 'test' / 'spectrum' / 'a-001-100.npy'
    spectrum.parent.mkdir(parents=True)
    spectrum.write_bytes(b'spectrum')
    assert run(server, tmp_path) == 0
    assert content_of(tmp_path / 'test') == tree_of('test') | {'spectrum/a-001-100.npy': b'spectrum'}


def test_audio_of_another_origin_is_not_touched(server, tmp_path, capsys):
    mine = tmp_path / 'test' / 'audio' / 'mine.wav'
    mine.parent.mkdir(parents=True)
    mine.write_bytes(b'mine')
    assert run(server, tmp_path) == 1
    assert content_of(tmp_path) == {'test/audio/mine.wav': b'mine'}
    assert str(mine.parent) in error_line(capsys)
    assert server.asked == []


def test_unknown_split(server, tmp_path, capsys):
    with pytest.raises(SystemExit) as stopped:
        run(server, tmp_path, split='dev')
    assert stopped.value.code == 2
    assert "'dev'" in capsys.readouterr().err


def test_the_table_is_that_of_the_issue():
    assert {split: row[0] for split, row in download_nsynth.ARCHIVES.items()} == {
        'train': 23_815_298_079, 'valid': 1_068_767_009, 'test': 349_501_546}
    assert sum(row[2] for row in download_nsynth.ARCHIVES.values()) == 305_979
    assert all(re.fullmatch('[0-9a-f]{32}', row[1]) for row in download_nsynth.ARCHIVES.values())


# The download.

def test_resume_asks_for_the_rest_only(server, tmp_path):
    body = server.files['/nsynth-test.jsonwav.tar.gz']
    archive_in(tmp_path, part=True).write_bytes(body[:1000])
    server.files['/nsynth-test.jsonwav.tar.gz'] = bytes(1000) + body[1000:]  # so that only the rest is of use
    assert run(server, tmp_path) == 0
    assert server.asked == [('/nsynth-test.jsonwav.tar.gz', 'bytes=1000-')]
    assert whole(tmp_path)


def test_a_complete_part_is_not_asked_for(server, tmp_path):
    archive_in(tmp_path, part=True).write_bytes(server.files['/nsynth-test.jsonwav.tar.gz'])
    assert run(server, tmp_path) == 0
    assert server.asked == []
    assert whole(tmp_path)


def test_a_server_without_range_starts_over(server, tmp_path):
    server.ranges = False
    archive_in(tmp_path, part=True).write_bytes(b'of no use' * 9)
    assert run(server, tmp_path) == 0
    assert [wanted for _, wanted in server.asked] == ['bytes=81-']
    assert whole(tmp_path)


@pytest.mark.parametrize('lengths', [True, False])
def test_dropped_connections_are_taken_up_again(server, tmp_path, lengths):
    server.cuts, server.lengths = [500, 900, 1000, 1100], lengths  # more drops than PAUSES, each after a gain
    assert run(server, tmp_path) == 0
    assert [wanted for _, wanted in server.asked] == [None, 'bytes=500-', 'bytes=900-', 'bytes=1000-', 'bytes=1100-']
    assert whole(tmp_path)


def test_a_busy_server_is_asked_again(server, tmp_path):
    server.failures = [503, 500]
    assert run(server, tmp_path) == 0
    assert len(server.asked) == 3
    assert whole(tmp_path)


def test_the_pauses_are_kept(server, tmp_path, monkeypatch):
    pauses = []
    monkeypatch.setattr(download_nsynth, 'PAUSES', (3, 7))
    monkeypatch.setattr(download_nsynth.time, 'sleep', pauses.append)
    server.failures = [503, 503]
    assert run(server, tmp_path) == 0
    assert pauses == [3, 7]


@pytest.mark.parametrize('ranges, lengths', [(True, True), (False, True), (True, False), (False, False)])
def test_truncated_for_good(server, tmp_path, capsys, ranges, lengths):
    server.always_cut, server.ranges, server.lengths = 700, ranges, lengths
    assert run(server, tmp_path) == 1
    assert archive_in(tmp_path, part=True).read_bytes() == server.files['/nsynth-test.jsonwav.tar.gz'][:700]
    assert names_in(tmp_path) == {archive_in(tmp_path, part=True).name}
    assert len(server.asked) == 1 + len(download_nsynth.PAUSES)
    line = error_line(capsys)
    assert str(archive_in(tmp_path, part=True)) in line and 'run again' in line
    server.always_cut = None
    assert run(server, tmp_path) == 0
    assert whole(tmp_path)


def test_no_server(server, tmp_path, capsys):
    url = 'http://127.0.0.1:9/{split}'  # the discard port: nobody listens
    assert download_nsynth.main(['--url', url, '--data', str(tmp_path), '--split', 'test']) == 1
    assert 'http://127.0.0.1:9/test' in error_line(capsys)


@pytest.mark.parametrize('url', ['nsynth-{split}', 'file:///nsynth-{split}', 'http://', 'http://[::1'])
def test_no_url_is_not_tried_again(server, tmp_path, capsys, monkeypatch, url):
    pauses = []
    monkeypatch.setattr(download_nsynth.time, 'sleep', pauses.append)
    assert download_nsynth.main(['--url', url, '--data', str(tmp_path), '--split', 'test']) == 1
    assert '--url' in error_line(capsys)
    assert pauses == []


def test_not_found_is_not_tried_again(server, tmp_path, capsys):
    server.files.clear()
    assert run(server, tmp_path) == 1
    line = error_line(capsys)
    assert '404' in line and '/nsynth-test.jsonwav.tar.gz' in line and '--url' in line
    assert len(server.asked) == 1
    assert names_in(tmp_path) == set()


@pytest.mark.parametrize('start', [0, 100, 2000])  # 2000: past the end of the other file, a 416
def test_a_file_of_another_size_is_not_downloaded(server, tmp_path, capsys, start):
    kept = server.files['/nsynth-test.jsonwav.tar.gz'][:start]
    if start:
        archive_in(tmp_path, part=True).write_bytes(kept)
    server.files['/nsynth-test.jsonwav.tar.gz'] = b'<html>' * 200
    assert run(server, tmp_path) == 1
    assert '--url' in error_line(capsys)
    assert content_of(tmp_path) == ({archive_in(tmp_path, part=True).name: kept} if start else {})


def test_a_body_without_end_is_cut(server, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(download_nsynth, 'CHUNK_BYTES', 1000)
    written = []
    monkeypatch.setattr(download_nsynth, 'check_archive', lambda path, *_: written.append(path.stat().st_size))
    size = len(server.files['/nsynth-test.jsonwav.tar.gz'])
    server.lengths, server.files['/nsynth-test.jsonwav.tar.gz'] = False, bytes(20 * size)
    run(server, tmp_path)
    assert size < written[0] <= size + 1000


def test_a_declared_encoding_is_not_undone(server, tmp_path):
    server.headers = {'Content-Encoding': 'gzip'}  # what some servers say of any .gz
    assert run(server, tmp_path) == 0
    assert whole(tmp_path)


@pytest.mark.parametrize('name', ['part', 'archive'])
def test_a_wrong_checksum_removes_the_archive(server, tmp_path, capsys, name):
    body = server.files['/nsynth-test.jsonwav.tar.gz']
    archive_in(tmp_path, part=name == 'part').write_bytes(body[:-1] + b'?')
    assert run(server, tmp_path) == 1
    line = error_line(capsys)
    assert str(archive_in(tmp_path)) in line and 'MD5' in line and hashlib.md5(body).hexdigest() in line
    assert names_in(tmp_path) == set()
    assert run(server, tmp_path) == 0
    assert whole(tmp_path)


def test_a_part_that_is_too_long_is_removed(server, tmp_path, capsys):
    archive_in(tmp_path, part=True).write_bytes(server.files['/nsynth-test.jsonwav.tar.gz'] + b'?')
    assert run(server, tmp_path) == 1
    assert str(archive_in(tmp_path, part=True)) in error_line(capsys)
    assert names_in(tmp_path) == set()


# The archive.

HOSTILE = {
    'parent': plain('nsynth-test/audio/../../../outside.wav'),
    'parent first': plain('../outside.wav'),
    'absolute': plain('/{tmp_path}/outside.wav'),
    'dots': plain('nsynth-test/audio/..'),
    'symlink': special('nsynth-test/audio/outside.wav', tarfile.SYMTYPE, '../../../../outside.wav'),
    'symlink folder': special('nsynth-test/audio', tarfile.SYMTYPE, '/tmp'),
    'hard link': special('nsynth-test/audio/outside.wav', tarfile.LNKTYPE, 'nsynth-test/examples.json'),
    'fifo': special('nsynth-test/audio/outside.wav', tarfile.FIFOTYPE),
    'device': special('nsynth-test/audio/outside.wav', tarfile.CHRTYPE),
    'unknown': plain('nsynth-test/readme.txt'),
    'another split': plain('nsynth-train/examples.json'),
    'folder for a file': special('nsynth-test/examples.json', tarfile.DIRTYPE),
    'file for a folder': plain('nsynth-test/audio'),
    'deeper': plain('nsynth-test/audio/deeper/a.wav'),
    'line end': plain('nsynth-test/audio/a\n.wav'),
}


@pytest.mark.parametrize('kind', HOSTILE)
def test_a_hostile_member_refuses_the_archive(server, tmp_path, capsys, kind):
    member, content = HOSTILE[kind]
    member = member.replace(name=member.name.replace('/{tmp_path}', str(tmp_path)))
    data = tmp_path / 'deep' / 'data'
    (data / 'test' / 'spectrum').mkdir(parents=True)
    serve(server, 'test', tar_of('test', [(member, content)]))
    assert run(server, data) == 1
    line = error_line(capsys)
    assert 'unexpected member' in line and str(archive_in(data)) in line and '--url' in line
    assert set(content_of(tmp_path)) == {f'deep/data/{archive_in(data, part=True).name}'}
    assert names_in(data / 'test') == {'spectrum'}


def test_no_mode_of_the_archive_is_trusted(server, tmp_path):
    serve(server, 'test', tar_of('test', mode=0o6777))
    assert run(server, tmp_path) == 0
    assert {p.stat().st_mode & 0o7022 for p in tmp_path.rglob('*') if p.is_file()} == {0}


def broken_header():
    """An archive whose tar breaks after two wavs: tarfile takes that for its end without a word."""
    raw = bytearray(gzip.decompress(tar_of('test')))
    at = raw.index(b'nsynth-test/audio/bass_synthetic_002')
    raw[at + 148:at + 156] = b'????????'  # the header's own checksum
    return gzip.compress(bytes(raw))


@pytest.mark.parametrize('content', [
    tar_of('test', level=0)[:20_000], tar_of('test')[:40] + b'?' * 400, b'no gzip at all', broken_header(),
    tar_of('test', level=0)[:40_000] + b'?' * 9000, tar_of('test', without='examples.json'), tar_of('test', notes=3),
    tar_of('test', notes=5),
], ids=['cut', 'garbled', 'garbled within a wav', 'no gzip', 'broken header', 'no examples.json',
        'a note missing', 'a note too many'])
def test_a_broken_archive_leaves_no_split(server, tmp_path, capsys, content):
    serve(server, 'test', content)
    assert run(server, tmp_path) == 1
    line = error_line(capsys)
    assert str(archive_in(tmp_path)) in line and 'delete it' in line
    assert names_in(tmp_path) == {archive_in(tmp_path, part=True).name}


# The disk.

Usage = namedtuple('Usage', 'total used free')


def set_free(monkeypatch, free):
    monkeypatch.setattr(shutil, 'disk_usage', lambda _: Usage(10 ** 15, 0, free))


@pytest.mark.parametrize('there', [0, 1000, None])  # bytes of the archive already downloaded; None: all
def test_the_disk_has_to_hold_archive_wavs_and_spectra(server, tmp_path, capsys, monkeypatch, there):
    body = server.files['/nsynth-test.jsonwav.tar.gz']
    archive_in(tmp_path, part=True).write_bytes(body[:there])
    needed = len(body) - len(body[:there]) + NOTES['test'] * (128_044 + 257_654)
    set_free(monkeypatch, needed - 1)
    assert run(server, tmp_path) == 1
    line = error_line(capsys)
    assert str(tmp_path) in line and '--data' in line
    assert server.asked == []
    assert content_of(tmp_path) == {archive_in(tmp_path, part=True).name: body[:there]}
    set_free(monkeypatch, needed)
    assert run(server, tmp_path) == 0


def test_all_splits_are_counted_before_the_first_is_asked_for(server, tmp_path, monkeypatch):
    needed = {split: download_nsynth.ARCHIVES[split][0] + NOTES[split] * 385_698 for split in NOTES}
    set_free(monkeypatch, needed['train'] + needed['test'] - 1)
    assert run(server, tmp_path, split='train test') == 1
    assert server.asked == []
    assert run(server, tmp_path, split='train') == 0
    assert run(server, tmp_path, split='train test') == 0  # train is there, and not counted again


def test_the_real_need_is_said(tmp_path, capsys, monkeypatch):
    set_free(monkeypatch, 10 ** 11)
    assert download_nsynth.main(['--data', str(tmp_path)]) == 1
    out, err = capsys.readouterr()
    for text in (out, err):
        assert '143.2 GB' in text  # 25.2 + 39.2 + 78.8
        assert {'25.2', '39.2', '78.8', '100.0'} <= set(re.findall(r'[\d.]+\d', text))


def test_the_room_of_what_a_killed_run_unpacked_counts_as_free(server, tmp_path, monkeypatch):
    stale = tmp_path / '.tmp.nsynth-test' / 'nsynth-test' / 'audio' / 'stale.wav'
    stale.parent.mkdir(parents=True)
    stale.write_bytes(b'stale')
    monkeypatch.setattr(shutil, 'disk_usage', lambda _: Usage(10 ** 15, 0, 0 if stale.exists() else 10 ** 9))
    assert run(server, tmp_path) == 0
    assert whole(tmp_path)
    assert names_in(tmp_path) == {'test'}


SCRIPT = '''
import resource, sys, tarfile, time
import download_nsynth
download_nsynth.ARCHIVES['test'] = {row}
{before}
sys.exit(download_nsynth.main({arguments}))
'''


def start(server, data, before):
    arguments = ['--url', server.url, '--data', str(data), '--split', 'test']
    script = SCRIPT.format(row=download_nsynth.ARCHIVES['test'], before=before, arguments=arguments)
    return subprocess.Popen([sys.executable, '-c', script], cwd=ROOT, env=os.environ | {'PYTHONPATH': str(ROOT)},
                            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


LIMIT = 'resource.setrlimit(resource.RLIMIT_FSIZE, ({limit}, {limit}))'


def test_a_full_disk_keeps_what_is_downloaded(server, tmp_path):
    serve(server, 'test', tar_of('test', level=0))
    process = start(server, tmp_path, LIMIT.format(limit=30_000))
    _, err = process.communicate(timeout=30)
    assert process.returncode == 1
    part = archive_in(tmp_path, part=True)
    line = error_line(err)
    assert str(part) in line and 'File too large' in line and 'make room' in line
    assert part.read_bytes() == server.files['/nsynth-test.jsonwav.tar.gz'][:30_000]
    assert run(server, tmp_path) == 0
    assert [wanted for _, wanted in server.asked] == [None, 'bytes=30000-']
    assert whole(tmp_path)


def test_a_full_disk_while_unpacking(server, tmp_path):
    body = server.files['/nsynth-test.jsonwav.tar.gz']
    assert len(body) < 5000 < len(wav_bytes('test', 0))
    process = start(server, tmp_path, LIMIT.format(limit=5000))
    _, err = process.communicate(timeout=30)
    assert process.returncode == 1
    line = error_line(err)
    assert str(archive_in(tmp_path)) in line and 'make room' in line
    assert content_of(tmp_path) == {archive_in(tmp_path, part=True).name: body}
    assert run(server, tmp_path) == 0
    assert len(server.asked) == 1
    assert whole(tmp_path)


# Killed. The child hangs at the given place until it is killed.

HANG = '''
def hang(name, when):
    original = getattr({target}, name)
    calls = []
    def replacement(*args, **options):
        calls.append(1)
        if len(calls) == when:
            print('hanging', flush=True)
            time.sleep(60)
        return original(*args, **options)
    setattr({target}, name, replacement)
hang({name!r}, {when})
'''


@pytest.mark.parametrize('target, name, when', [
    ('tarfile.TarFile', 'extract', 5),  # among the wavs
    ('download_nsynth.Path', 'replace', 1),  # all unpacked, nothing moved
    ('download_nsynth.Path', 'rename', 1),  # examples.json moved, audio not
    ('download_nsynth.Path', 'unlink', 1),  # all moved, the archive still there
])
def test_killed_while_unpacking_ends_the_same(server, tmp_path, target, name, when):
    process = start(server, tmp_path, HANG.format(target=target, name=name, when=when).replace(
        'download_nsynth.Path', "__import__('pathlib').Path"))
    try:
        assert any('hanging' in line for line in process.stdout)
    finally:
        process.send_signal(signal.SIGKILL)
        process.communicate()
    assert names_in(tmp_path) > {archive_in(tmp_path, part=True).name}
    assert run(server, tmp_path) == 0
    assert whole(tmp_path)
    assert names_in(tmp_path) == {'test'}
    assert len(server.asked) == 1


def test_ctrl_c_while_downloading_keeps_the_part(server, tmp_path, monkeypatch):
    def interrupt(*_):
        raise KeyboardInterrupt
    server.cuts = [800]
    monkeypatch.setattr(time, 'sleep', interrupt)
    assert run(server, tmp_path) == 130
    assert archive_in(tmp_path, part=True).stat().st_size == 800
    assert run(server, tmp_path) == 0
    assert whole(tmp_path)
