"""Stage 0a: download NSynth's archives and unpack them to DATA/{split}/audio/*.wav and examples.json.

It can be stopped and run again at any time: an archive grows as ``DATA/nsynth-{split}.jsonwav.tar.gz.part``, and
``DATA/{split}/audio`` appears only once the split is whole.
"""

import gzip
import hashlib
import re
import shutil
import sys
import tarfile
import time
import zlib

from deepdream.artifacts import SPLITS, BadInput
from deepdream.command_line import command, parser, progress

URL = 'http://download.magenta.tensorflow.org/datasets/nsynth/nsynth-{split}.jsonwav.tar.gz'
ARCHIVES = {  # split: (bytes, MD5, notes)
    'train': (23_815_298_079, 'fde6665a93865503ba598b9fac388660', 289_205),
    'valid': (1_068_767_009, '87e94a00a19b6dbc99cf6d4c0c0cae87', 12_678),
    'test': (349_501_546, '5e6f8719bf7e16ad0a00d518b78af77d', 4_096),
}
WAV_BYTES = 128_044  # 64,000 samples of 16 bits and a header
SPECTRUM_BYTES = 257_654  # what extract_spectrum.py will write for a note: (251, 513) float16 and a header
CHUNK_BYTES = 1 << 20
TIMEOUT = (10, 60)  # seconds to connect, seconds of silence
PAUSES = (1, 5, 20, 60)  # seconds before each new try that follows one without a gain


def bytes_of(path):
    return path.stat().st_size if path.exists() else 0


def paths(data, split):
    """Return the archive, the archive as far as it is downloaded, and the folder to unpack it in."""
    archive = data / f'nsynth-{split}.jsonwav.tar.gz'
    return archive, archive.with_name(archive.name + '.part'), data / f'.tmp.nsynth-{split}'


def is_there(data, split, keep_archive):
    """Return whether DATA has the notes of `split`, and print how many; raise BadInput for another audio folder."""
    folder, notes = data / split, ARCHIVES[split][2]
    if not (folder / 'audio').exists():
        return False
    if not (folder / 'examples.json').exists():
        raise BadInput(f'{folder / "audio"} has no examples.json beside it: move it away or use another --data')
    found = len(list(folder.glob('audio/*.wav')))
    print(f'{split}: {folder} has {found:,} of {notes:,} notes, skipped (to download it anew, move audio/ away)')
    if found == notes and not keep_archive:  # a run killed just before its last step left this behind
        paths(data, split)[1].unlink(missing_ok=True)
    return True


def check_disk(data, splits):
    """Say how many bytes `splits` take, spectra included; BadInput where `data` has not that much room."""
    archives = sum(max(0, ARCHIVES[split][0] - max(map(bytes_of, paths(data, split)[:2]))) for split in splits)
    notes = sum(ARCHIVES[split][2] for split in splits)
    wavs, spectra, free = notes * WAV_BYTES, notes * SPECTRUM_BYTES, shutil.disk_usage(data).free
    text = (f'{(archives + wavs + spectra) / 1e9:.1f} GB of disk needed (still to download {archives / 1e9:.1f}, '
            f'wavs {wavs / 1e9:.1f}, spectra {spectra / 1e9:.1f}), {free / 1e9:.1f} free')
    print(f'{", ".join(splits)}: {text}', flush=True)
    if archives + wavs + spectra > free:
        raise BadInput(f'{data}: {text}: make room, choose fewer with --split or another disk with --data')


def check_answer(response, offset, size):
    """Raise BadInput unless `response` brings the file of `size` bytes, or a 206 its rest from byte `offset` on."""
    if response.status_code >= 500:
        response.raise_for_status()  # an HTTPError: worth another try
    header = 'Content-Range' if response.status_code == 206 else 'Content-Length'
    answer = response.status_code, response.headers.get(header, str(size))  # a chunked 200 tells no length
    if answer not in ((200, str(size)), (206, f'bytes {offset}-{size - 1}/{size}')):
        raise BadInput(f'{response.url}: the server answered {answer[0]} {response.reason} with {answer[1]} '
                       f'instead of {size} bytes: check --url')


def fetch(url, part, size, bar):
    """Append to `part` what it lacks of the `size` bytes at `url`; start over where the server ignores Range."""
    import requests  # not at the top: --help answers at once
    offset = bytes_of(part)
    headers = {'Accept-Encoding': 'identity'} | ({'Range': f'bytes={offset}-'} if offset else {})
    with requests.get(url, headers=headers, stream=True, timeout=TIMEOUT) as response:
        check_answer(response, offset, size)
        with open(part, 'ab' if response.status_code == 206 else 'wb') as file:
            # Not iter_content: it would gunzip an archive that a server declares as Content-Encoding: gzip.
            for chunk in response.raw.stream(CHUNK_BYTES, decode_content=False):
                file.write(chunk)
                bar.update(file.tell() - bar.n)
                if file.tell() > size:
                    break
    if bytes_of(part) < size:  # without a Content-Length nobody else notices
        raise requests.ConnectionError('the connection was closed early')


def download(url, part, size):
    """Bring `part` to `size` bytes; after a dropped connection go on from there; BadInput after a few in vain."""
    import requests
    import urllib3
    reached, failures = bytes_of(part), 0
    with progress(total=size, initial=reached, description=part.stem, unit='B', unit_scale=True) as bar:
        while bytes_of(part) < size:
            try:
                fetch(url, part, size, bar)
            except (requests.RequestException, urllib3.exceptions.HTTPError) as error:
                if bytes_of(part) > reached:
                    reached, failures = bytes_of(part), 0
                state = f'{url}: {error}; {bytes_of(part):,} of {size:,} bytes are kept in {part}'
                if failures == len(PAUSES) or isinstance(error, ValueError):  # requests' for what is no URL
                    raise BadInput(f'{state}: run again to go on, or check --url') from error
                bar.write(f'{state}: next try in {PAUSES[failures]} s', file=sys.stderr)
                time.sleep(PAUSES[failures])
                failures += 1
            except OSError as error:  # after those of requests, which are OSErrors as well
                raise BadInput(f'{part}: cannot write: {error}; its {bytes_of(part):,} bytes are kept: '
                               'make room and run again to go on') from error


def check_archive(archive, size, md5):
    """BadInput where size or MD5 differ; the file is then removed, so that the next run starts clean."""
    digest = hashlib.md5()
    with open(archive, 'rb') as file, progress(total=bytes_of(archive), description='checking the MD5', unit='B',
                                               unit_scale=True) as bar:
        while chunk := file.read(CHUNK_BYTES):
            digest.update(chunk)
            bar.update(len(chunk))
    found = bytes_of(archive), digest.hexdigest()
    if found != (size, md5):
        archive.unlink()
        raise BadInput(f'{archive}: (bytes, MD5) {found} instead of {size, md5}: removed, run again to download it')


def extract(archive, split, folder, notes):
    """Unpack `archive` into `folder`; BadInput at the first member that is not NSynth's, before it is written."""
    files = rf'nsynth-{split}/(examples\.json|audio/[A-Za-z0-9_.-]+\.wav)'
    patterns = {tarfile.DIRTYPE: f'nsynth-{split}(/audio)?', tarfile.REGTYPE: files, tarfile.AREGTYPE: files}
    with tarfile.open(archive, 'r:gz') as tar, progress(total=notes, description=f'unpack {split}') as bar:
        while (member := tar.next()) is not None:
            if member.type not in patterns or not re.fullmatch(patterns[member.type], member.name):
                raise BadInput(f'{archive}: unexpected member {member.name!r}, not unpacked: delete it, check --url')
            tar.extract(member, folder, filter='data')
            bar.update(member.name.endswith('.wav'))
            tar.members.clear()  # tarfile remembers every member: 140 MB for the train split


def unpack(archive, split, data, notes):
    """Unpack beside ``DATA/{split}``, then move into it; what else lies there is kept. Raises BadInput."""
    temporary, folder = paths(data, split)[2], data / split
    source = temporary / f'nsynth-{split}'
    try:
        extract(archive, split, temporary, notes)
        found = len(list(source.glob('audio/*.wav')))
        if found != notes or not (source / 'examples.json').exists():  # tarfile takes a broken header for the end
            raise BadInput(f'{archive}: {found:,} of {notes:,} notes, or no examples.json: delete it, check --url')
        folder.mkdir(exist_ok=True)
        (source / 'examples.json').replace(folder / 'examples.json')
        (source / 'audio').rename(folder / 'audio')  # last: it is the sign that the split is whole
    except (tarfile.TarError, EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise BadInput(f'{archive}: cannot be unpacked: {error}: delete it, check --url') from error
    except OSError as error:
        raise BadInput(f'{folder}: cannot write: {error}; {archive} is kept: make room and run again') from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def install(split, data, url, keep_archive):
    """Download, check and unpack one split; the archive keeps the name ``.part`` unless it is to stay."""
    size, md5, notes = ARCHIVES[split]
    archive, part, _ = paths(data, split)
    if not archive.exists():
        download(url.replace('{split}', split), part, size)
    source = archive if archive.exists() else part
    check_archive(source, size, md5)
    if keep_archive:
        source = source.replace(archive)
    unpack(source, split, data, notes)
    if not keep_archive:
        source.unlink()


@command
def main(argv=None):
    options = parser(__doc__.splitlines()[0], 'data')
    options.add_argument('--split', nargs='+', choices=SPLITS, default=SPLITS, help='which to fetch')
    options.add_argument('--url', default=URL, help='where the archives are')
    options.add_argument('--keep-archive', action='store_true', help='do not remove an archive once it is unpacked')
    args = options.parse_args(argv)
    args.data.mkdir(parents=True, exist_ok=True)
    for split in args.split:  # what a killed run had unpacked: its room counts as free
        shutil.rmtree(paths(args.data, split)[2], ignore_errors=True)
    splits = [split for split in dict.fromkeys(args.split) if not is_there(args.data, split, args.keep_archive)]
    if splits:
        check_disk(args.data, splits)
    for split in splits:
        install(split, args.data, args.url, args.keep_archive)
        print(f'{split}: {ARCHIVES[split][2]:,} notes in {args.data / split}')


if __name__ == '__main__':
    raise SystemExit(main())
