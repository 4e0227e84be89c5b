// A ZIP file whose files are stored as they are: MP3 would not get smaller.
'use strict';

const MAX_ZIP_FILES = 0xffff;  // and 4 GB: what lies beyond needs ZIP64
const CRC_TABLE = Uint32Array.from({length: 256}, (_, byte) => {
  for (let bit = 0; bit < 8; bit++) byte = byte & 1 ? byte >>> 1 ^ 0xedb88320 : byte >>> 1;
  return byte;
});

function crc32(bytes) {
  let crc = ~0;
  for (const byte of bytes) crc = crc >>> 8 ^ CRC_TABLE[(crc ^ byte) & 255];
  return ~crc >>> 0;
}

// Whole numbers as little-endian bytes, from [number of bytes, number], ...
function littleEndian(...fields) {
  return Uint8Array.from(fields.flatMap(([size, value]) => Array.from({length: size}, (_, i) => value / 256 ** i)));
}

// A time as MS-DOS wrote it: [time of the day in steps of 2 s, day], 16 bits each.
function dosTime(when) {
  return [when.getHours() << 11 | when.getMinutes() << 5 | when.getSeconds() >> 1,
          when.getFullYear() - 1980 << 9 | when.getMonth() + 1 << 5 | when.getDate()];
}

// `files` are [path, bytes], ...; returns a Blob, or throws an Error where they are too many.
function storedZip(files, when = new Date()) {
  const [time, day] = dosTime(when);
  const [parts, directory] = [[], []];
  let offset = 0;
  for (const [path, bytes] of files) {
    const name = new TextEncoder().encode(path);
    // Version 2.0, names in UTF-8, stored.
    const about = [[2, 20], [2, 0x0800], [2, 0], [2, time], [2, day], [4, crc32(bytes)], [4, bytes.length],
                   [4, bytes.length], [2, name.length], [2, 0]];
    const header = littleEndian([4, 0x04034b50], ...about);
    directory.push(littleEndian([4, 0x02014b50], [2, 20], ...about, [2, 0], [2, 0], [2, 0], [4, 0], [4, offset]), name);
    parts.push(header, name, bytes);
    offset += header.length + name.length + bytes.length;
  }
  const size = directory.reduce((sum, part) => sum + part.length, 0);
  if (files.length > MAX_ZIP_FILES || offset + size > 0xffffffff) {
    throw new Error(`A ZIP holds ${MAX_ZIP_FILES.toLocaleString('en')} files and 4 GB: select fewer notes.`);
  }
  const end = littleEndian([4, 0x06054b50], [2, 0], [2, 0], [2, files.length], [2, files.length], [4, size],
                           [4, offset], [2, 0]);
  return new Blob([...parts, ...directory, end], {type: 'application/zip'});
}
