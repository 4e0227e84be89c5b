// A selection as a ZIP: the previews of its notes, an SFZ that plays them, and where the originals lie.
'use strict';

const NOTES_AT_A_TIME = 32;  // packed before the page may draw again
const FORBIDDEN = /[<>:"/\\|?*=$\p{Cc}\p{Cs}]/gu;  // in the names of files on Windows, or in the paths of an SFZ
const DEVICES = /^(con|prn|aux|nul|com\d|lpt\d)(?=\.|$)/i;  // no names of files on Windows, whatever their ending

// Names of files without an ending: any system can write them, and no two are the same where case does not count.
// Of a long name the end is kept, which says more than the folders before it; 60 characters take at most 240 bytes.
function safeNames(names) {
  const taken = new Set();
  return names.map(name => {
    const plain = [...name.normalize('NFC').replace(FORBIDDEN, '_')].slice(-60).join('').replace(/^[. ]+|[. ]+$/g, '');
    const stem = plain.replace(DEVICES, '_$1') || 'note';
    let unique = stem;
    for (let turn = 2; taken.has(unique.toLowerCase()); turn++) unique = `${stem} (${turn})`;
    taken.add(unique.toLowerCase());
    return unique;
  });
}

// A sound that was dropped on the page has no preview to pack.
function packable(notes) {
  return notes.filter(note => MAP.has_sound[note] && !MAP.own.has(note));
}

// The ZIP of the notes that can be packed, as a Blob; calls `onProgress(number)` now and then.
async function zipOf(notes, onProgress) {
  const heard = packable(notes);
  const names = safeNames(heard.map(note => MAP.notes[note]));
  const paths = new Map(heard.map((note, i) => [note, `sounds/${names[i]}.mp3`]));
  const table = csvRow(['note', 'preview', 'original'])
    + heard.map(note => csvRow([MAP.notes[note], paths.get(note), originalPath(note) || wavOf(note)])).join('');
  const files = [[`${MAP.split}_selection.sfz`, sfzText(heard, note => paths.get(note))], ['originals.csv', table]]
    .map(([path, text]) => [path, new TextEncoder().encode(text)]);
  for (const [i, note] of heard.entries()) {
    const [sound] = await previewOf(note);
    files.push([paths.get(note), bytesOf(sound)]);
    if (i % NOTES_AT_A_TIME === 0) {
      onProgress(i);
      await pause(0);
    }
  }
  return storedZip(files);
}

// Save the ZIP, and let `say` tell how far it is and what it holds.
async function saveZip(notes, say) {
  const n_heard = packable(notes).length;
  if (!n_heard) return say('There is nothing to pack: none of these notes can be heard.');
  try {
    const zip = await zipOf(notes, done => say(`Packing: ${done.toLocaleString('en')} of ${counted(n_heard, 'note')}`));
    save(`${MAP.split}_selection.zip`, zip.type, zip);
    say(`The ZIP holds ${counted(n_heard, 'preview')}, ${(zip.size / 1e6).toFixed(1)} MB. `
      + sfzRemarks(notes, note => MAP.own.has(note) ? '' : 'sounds/note.mp3').join(' '));
  } catch (error) {
    say(`There is no ZIP: ${error.message}`);
  }
}
