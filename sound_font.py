"""Sound fonts (SoundFont 2) as render_notes.py needs them."""

import itertools
from pathlib import Path

import numpy as np

from artifacts import BadInput

SAMPLE_HEADER = np.dtype([('name', 'S20'), ('start', '<u4'), ('end', '<u4'), ('loop', '<u4', 2), ('rate', '<u4'),
                          ('pitch', 'u1'), ('correction', 'i1'), ('link', '<u2', 2)])
GENERATOR = np.dtype([('kind', '<u2'), ('amount', '<u2')])
SAMPLE_ID, ROOT_KEY = 53, 58


def load_font(path):
    """Return the bytes of a sound font, made ready for symusic; raise unless it is one, and whole."""
    if not Path(path).exists():
        raise FileNotFoundError(f'{path} is missing: give an .sf2 file with the General MIDI programs')
    content = Path(path).read_bytes()
    if content[:4] != b'RIFF' or content[8:12] != b'sfbk' or len(content) < int.from_bytes(content[4:8], 'little') + 8:
        raise BadInput(f'{path} is no whole SoundFont 2 file: give an .sf2 with the General MIDI programs')
    try:
        return for_symusic(content)
    except (ValueError, IndexError) as error:
        raise BadInput(f'{path} is a damaged sound font ({error}): give another one') from error


def for_symusic(font):
    """Return the bytes of a sound font with two shortcomings of symusic made good in it (SoundFont 2.01, section 7).

    It overlooks a zone's own root key, so that most notes come out octaves off: each pair of sample and root key
    becomes a sample header of its own. It reads one sample past the end of a loop: each sample is one longer, into
    the zeros that must follow it, else whatever lies there in memory becomes a click.
    """
    chunks = {}
    for name in (b'ibag', b'igen', b'shdr'):
        start = font.rindex(name) + 8
        chunks[name] = start, start + int.from_bytes(font[start - 4:start], 'little')
    start, end = chunks[b'shdr']  # the last chunk of the file
    headers = list(np.frombuffer(font[start:end], SAMPLE_HEADER))
    terminal = headers.pop()
    bags = np.frombuffer(font[slice(*chunks[b'ibag'])], '<u2')[::2]
    generators = np.frombuffer(font[slice(*chunks[b'igen'])], GENERATOR).copy()
    indices = {}
    for first, last in itertools.pairwise(bags):
        zone = generators[first:last]
        root, sample = (zone['amount'][zone['kind'] == kind] for kind in (ROOT_KEY, SAMPLE_ID))
        if len(root) and len(sample) and root[0] < 128:
            pair = int(sample[0]), int(root[0])
            if pair not in indices:
                indices[pair] = len(headers)
                headers.append(headers[pair[0]].copy())
                headers[-1]['pitch'] = root[0]
            zone['amount'][zone['kind'] == SAMPLE_ID] = indices[pair]
    headers = np.array([*headers, terminal])
    headers['end'][:-1] += 1
    added = headers.nbytes - (end - start)
    result = bytearray(font[:start] + headers.tobytes() + font[end:])
    result[slice(*chunks[b'igen'])] = generators.tobytes()
    for size_at in (4, font.rindex(b'pdta') - 4, start - 4):  # RIFF, LIST pdta, shdr
        size = int.from_bytes(font[size_at:size_at + 4], 'little') + added
        result[size_at:size_at + 4] = size.to_bytes(4, 'little')
    return bytes(result)
