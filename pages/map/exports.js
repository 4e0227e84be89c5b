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
  const columns = [
    ['note', note => MAP.notes[note]], ['file', fileOf], ['label', familyOf],
    ['source', note => MAP.sources[MAP.source[note]]],
    ['pitch', note => known(MAP.pitch[note])], ['velocity', note => known(MAP.velocity[note])],
    ...MAP.predicted ? [['predicted', note => MAP.labels[MAP.predicted[note]]]] : [],
    ...MAP.predicted && MAP.labelled ? [['right', note => isAdded(note) ? '' : isWrong(note) ? 'wrong' : 'right']] : [],
    ...MAP.predicted ? MAP.labels.map((label, i) => [label, note => probability(note, i).toFixed(5)]) : [],
    ...VIEWS.flatMap(view => ['x', 'y', 'z'].map((axis, i) => [`${view}_${axis}`, note => MAP[view][3 * note + i]]))];
  return csvRow(columns.map(([name]) => name))
    + notes.map(note => csvRow(columns.map(([, valueOf]) => valueOf(note)))).join('');
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
