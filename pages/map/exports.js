// A selection as a file: the list of stage 1, a table, a sampler's instrument. Every function here is pure but `save`.
'use strict';

function fileOf(note) {
  return MAP.files[note] || `${MAP.notes[note]}.wav`;
}

function listText(notes) {
  return notes.map(note => MAP.notes[note] + '\n').join('');
}

function csvRow(cells) {
  return cells.map(cell => /[",\r\n]/.test(cell) ? `"${String(cell).replaceAll('"', '""')}"` : cell).join(',') + '\n';
}

function csvText(notes) {
  const header = ['note', 'file', 'label', 'source', 'pitch', 'velocity'];
  if (MAP.predicted) header.push('predicted', 'right', ...MAP.labels);
  for (const view of VIEWS) header.push(`${view}_x`, `${view}_y`, `${view}_z`);
  const row = note => {
    const cells = [MAP.notes[note], fileOf(note), familyOf(note), MAP.sources[MAP.source[note]],
                   known(MAP.pitch[note]), known(MAP.velocity[note])];
    if (MAP.predicted) {
      cells.push(MAP.labels[MAP.predicted[note]], isAdded(note) ? '' : isWrong(note) ? 'wrong' : 'right',
                 ...MAP.labels.map((_, i) => probability(note, i).toFixed(5)));
    }
    for (const view of VIEWS) cells.push(...MAP[view].slice(3 * note, 3 * note + 3));
    return csvRow(cells);
  };
  return csvRow(header) + notes.map(row).join('');
}

function known(value) {
  return value < 0 ? '' : value;
}

// Share the values 0-127 among `centres` (sorted, distinct): each gets what is nearest to it, and none is left out.
function ranges(centres) {
  const borders = centres.slice(1).map((centre, i) => Math.floor((centres[i] + centre) / 2));
  return centres.map((centre, i) => [i ? borders[i - 1] + 1 : 0, i < borders.length ? borders[i] : 127]);
}

function groupBy(notes, key) {
  const groups = new Map();
  for (const note of notes) {
    if (!groups.has(key(note))) groups.set(key(note), []);
    groups.get(key(note)).push(note);
  }
  return [...groups].sort(([a], [b]) => a - b);
}

// What the SFZ format cannot carry in a path: it knows no quoting.
function fitsSfz(note) {
  return !/[<>=$\r\n]|\/\/|\/\*/.test(MAP.audio_folder + fileOf(note));
}

function sfzRegion(note, [lokey, hikey], [lovel, hivel], turn, turns) {
  const robin = turns > 1 ? ` seq_length=${turns} seq_position=${turn}` : '';
  return `<region> lokey=${lokey} hikey=${hikey} pitch_keycenter=${MAP.pitch[note]} lovel=${lovel} hivel=${hivel}` +
    `${robin} sample=${fileOf(note)}\n`;
}

// Every key and velocity plays the nearest note; notes of one pitch and velocity take turns.
function sfzText(notes) {
  const playable = notes.filter(note => MAP.has_sound[note] && MAP.pitch[note] >= 0 && fitsSfz(note));
  const lines = [`// ${playable.length} of ${notes.length} selected notes; left out: without pitch or wav, or with `
    + 'a name that SFZ cannot carry\n'];
  if (MAP.audio_folder) lines.push('// The wavs are looked for in the folder below.\n', '<control>\n',
                                   `default_path=${MAP.audio_folder}\n`);
  else lines.push('// Put this file into the folder of the wavs.\n');
  lines.push('<group> ampeg_release=0.3\n');
  const byPitch = groupBy(playable, note => MAP.pitch[note]);
  const keys = ranges(byPitch.map(([pitch]) => pitch));
  for (const [i, [, ofPitch]] of byPitch.entries()) {
    const byVelocity = groupBy(ofPitch, note => Math.max(1, MAP.velocity[note]));
    const velocities = ranges(byVelocity.map(([velocity]) => velocity));
    for (const [j, [, group]] of byVelocity.entries()) {
      for (const [turn, note] of group.entries()) {
        lines.push(sfzRegion(note, keys[i], velocities[j], turn + 1, group.length));
      }
    }
  }
  return lines.join('');
}

function save(name, type, text) {
  const link = document.createElement('a');
  link.href = URL.createObjectURL(new Blob([text], {type}));
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}
