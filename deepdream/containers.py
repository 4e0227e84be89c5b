"""What the bytes of a sound file tell where libsndfile believes a wrong length: repaired wavs, streamed MP3s, cut ends.

- RIFF: a recorder that was never closed leaves a size of 0 in the 'data' chunk; some wavs hold a whole Ogg file.
- MP3: without a Xing or Info frame libsndfile guesses the length from the first frame's bit rate and stops there. Read
  from a pipe it goes on to the real end (https://github.com/libsndfile/libsndfile, mpeg_decode.c).
- Ogg: the last page of a whole stream carries the end-of-stream flag (RFC 3533, section 6).
"""

import contextlib
import io
import os
import struct
import threading

HEAD = 1 << 16  # bytes looked at for headers
MP3_BIT_RATES = (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320)  # kbit/s of MPEG 1, layer III
MP3_LOW_BIT_RATES = (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160)  # of MPEG 2 and 2.5
MP3_RATES = {3: (44_100, 48_000, 32_000), 2: (22_050, 24_000, 16_000), 0: (11_025, 12_000, 8_000)}  # by version, Hz
XING_AT = (36, 21, 13)  # bytes from the start of a frame to its Xing header: MPEG 1 stereo; 1 mono, 2 stereo; 2 mono


@contextlib.contextmanager
def open_pipe(path, start):
    """Yield a file descriptor that gives the bytes of a file from `start` on and that nobody can seek in."""
    reader, writer = os.pipe()
    feeder = threading.Thread(target=feed, args=(path, start, writer), daemon=True)
    feeder.start()
    try:
        yield reader
    finally:
        os.close(reader)
        feeder.join()


def feed(path, start, writer):
    """Write the bytes of a file from `start` on into a pipe, until the reader has enough."""
    with contextlib.suppress(BrokenPipeError), open(path, 'rb') as file, os.fdopen(writer, 'wb') as pipe:
        file.seek(start)
        while content := file.read(HEAD):
            pipe.write(content)


# Wavs.

def data_chunk(head):
    """Return (position of the content, size that is told) of the 'data' chunk of a RIFF wav's first bytes, or None."""
    if head[:4] != b'RIFF' or head[8:12] != b'WAVE':
        return None
    position = 12
    while position + 8 <= len(head):
        name, size = head[position:position + 4], int.from_bytes(head[position + 4:position + 8], 'little')
        if name == b'data':
            return position + 8, size
        position += 8 + size + size % 2
    return None


def repaired_wav(path, head):
    """Return a file object for libsndfile in the place of a wav that it cannot read, or None where it can.

    `head` are the first bytes of the file.
    """
    position, size = data_chunk(head) or (len(head), 0)
    holds_ogg = head[position:position + 4] == b'OggS'
    if len(head) <= position or (size and not holds_ogg):
        return None
    with open(path, 'rb') as file:
        content = file.read()
    if holds_ogg:
        return io.BytesIO(content[position:])
    size = min(len(content) - position, 2**32 - 1)
    return io.BytesIO(content[:position - 4] + struct.pack('<I', size) + content[position:])


# MP3.

def skip_id3(head):
    """Return where the audio of an MP3 begins, behind its ID3v2 tags."""
    position = 0
    while head[position:position + 3] == b'ID3' and len(head) >= position + 10:
        size = 0
        for byte in head[position + 6:position + 10]:
            size = size << 7 | byte & 127
        position += 10 + size
    return position


def mp3_frame(header):
    """Return (bytes, seconds) of the MP3 frame with this header of 4 bytes, layer III only, or None."""
    if len(header) < 4 or header[0] != 255 or header[1] >> 5 != 7 or (header[1] >> 1 & 3) != 1:
        return None
    version, rate, bit_rate = header[1] >> 3 & 3, header[2] >> 2 & 3, header[2] >> 4
    if version == 1 or rate == 3 or bit_rate in (0, 15):
        return None
    rate, samples = MP3_RATES[version][rate], 1152 if version == 3 else 576
    kilobits = (MP3_BIT_RATES if version == 3 else MP3_LOW_BIT_RATES)[bit_rate]
    return samples // 8 * kilobits * 1000 // rate + (header[2] >> 1 & 1), samples / rate


class Mp3:
    """What the first frame of an MP3 tells.

    `start` is the position of the first frame, `seconds` and `size` the length and the bytes that its Xing or Info
    header promises, 0 where there is none, and `there` the bytes that there are.
    """

    def __init__(self, path):
        with open(path, 'rb') as file:
            self.start = skip_id3(file.read(HEAD))
            file.seek(self.start)
            frame = file.read(4096)
        self.there, self.seconds, self.size = os.path.getsize(path) - self.start, 0.0, 0
        self.frame = mp3_frame(frame)
        at = next((at for at in XING_AT if frame[at:at + 4] in (b'Xing', b'Info')), None)
        if self.frame and at and len(frame) >= at + 16 and frame[at + 7] & 3 == 3:
            n_frames, self.size = struct.unpack('>II', frame[at + 8:at + 16])
            self.seconds = n_frames * self.frame[1]

    @property
    def has_known_length(self):
        """Whether the header's length is that of the whole file: libsndfile then reads it to its end."""
        return self.size > 0 and self.there <= self.size + 4096

    @property
    def missing_seconds(self):
        """How much of what the header promises is not there."""
        return self.seconds * max(0, self.size - self.there) / max(self.size, 1)

    @property
    def first_frame(self):
        """The position of the first frame that sounds: a Xing frame does not."""
        return self.start + (self.frame[0] if self.size else 0)


# Ogg.

def lacks_ogg_end(path):
    """Whether an Ogg file stops before the page that ends its stream."""
    with open(path, 'rb') as file:
        file.seek(max(0, os.path.getsize(path) - 2 * HEAD))  # a page has 65,307 bytes at most
        tail = file.read()
    page = tail.rfind(b'OggS')
    return page < 0 or len(tail) < page + 6 or not tail[page + 5] & 4
