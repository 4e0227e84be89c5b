// A selection as a file: the list of stage 1, a table. Every function here is pure but `save`.
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
  if (MAP.predicted) header.push('predicted', ...MAP.labelled ? ['right'] : [], ...MAP.labels);
  for (const view of VIEWS) header.push(`${view}_x`, `${view}_y`, `${view}_z`);
  const row = note => {
    const cells = [MAP.notes[note], fileOf(note), familyOf(note), MAP.sources[MAP.source[note]],
                   known(MAP.pitch[note]), known(MAP.velocity[note])];
    if (MAP.predicted) {
      cells.push(MAP.labels[MAP.predicted[note]],
                 ...MAP.labelled ? [isAdded(note) ? '' : isWrong(note) ? 'wrong' : 'right'] : [],
                 ...MAP.labels.map((_, i) => probability(note, i).toFixed(5)));
    }
    for (const view of VIEWS) cells.push(...MAP[view].slice(3 * note, 3 * note + 3));
    return csvRow(cells);
  };
  return csvRow(header) + notes.map(row).join('');
}

function known(value, otherwise = '') {
  return value < 0 ? otherwise : value;
}

function save(name, type, text) {
  const link = document.createElement('a');
  link.href = URL.createObjectURL(new Blob([text], {type}));
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}
