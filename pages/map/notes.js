// What the map knows of each note: its pitch, family, prediction, neighbours and activations.
'use strict';

const MANY_NOTES = 20_000;  // above, what is costly is left for later, and the points let those behind them through
const NOTE_NAMES = ['C', 'C♯', 'D', 'D♯', 'E', 'F', 'F♯', 'G', 'G♯', 'A', 'A♯', 'B'];

// activation.js hands over levels 0-255 of each neuron's maximum, one neuron after the other.
function receiveActivation(content) {
  MAP.activation = unpack(content.levels);
  MAP.maxima = content.maxima;
}

// network.js hands over the network that listens to the reader's sounds: see unpackNetwork.
function receiveNetwork(content) {
  MAP.network = content;
}

// The numbers below `count`, that of the largest size first.
function largestFirst(count, size) {
  return Array.from({length: count}, (_, i) => i).sort((a, b) => size(b) - size(a));
}

// [[key, notes], ...] by the number that each note has as its key.
function groupBy(notes, keyOf) {
  const groups = new Map();
  for (const note of notes) {
    if (!groups.has(keyOf(note))) groups.set(keyOf(note), []);
    groups.get(keyOf(note)).push(note);
  }
  return [...groups].sort(([a], [b]) => a - b);
}

// The least and the largest of some numbers.
function extent(values) {
  return [values.reduce((least, value) => Math.min(least, value), Infinity),
          values.reduce((most, value) => Math.max(most, value), -Infinity)];
}

// Pitch 60 is C4, or C3 where the makers of the notes call it so.
function pitchName(pitch) {
  return pitch < 0 ? 'unknown' : NOTE_NAMES[pitch % 12] + (Math.floor(pitch / 12) - 5 + MAP.middle_octave);
}

function familyOf(note) {
  return MAP.families[MAP.class_index[note]];
}

function colourOf(note) {
  return MAP.colours[MAP.class_index[note]];
}

// Whether it is no note of the split but a sound that predict.py added: of no known family, at an approximate place.
function isAdded(note) {
  return note >= MAP.n_notes;
}

function probability(note, classIndex) {
  return MAP.probabilities[note * MAP.labels.length + classIndex] / 65535;
}

// Only a map of labelled notes has wrong predictions; in others the family of a note is its prediction.
function isWrong(note) {
  return MAP.labelled && !isAdded(note) && MAP.predicted[note] !== MAP.class_index[note];
}

// The row of a note in an array of several columns.
function rowOf(name, note) {
  const width = MAP.arrays[name].shape[1];
  return MAP[name].subarray(note * width, (note + 1) * width);
}

// Whether the notes of its own instrument can be left out of its nearest notes; a sound of the user's has none.
function hasInstrument(note) {
  return !!MAP.other_neighbours && !isAdded(note);
}

// The nearest notes in fc2 space, the nearest first: of all notes or, with `otherInstruments`, of other instruments.
function neighboursOf(note, otherInstruments) {
  return otherInstruments && hasInstrument(note) ? rowOf('other_neighbours', note).filter(other => other >= 0)
    : rowOf('neighbours', note);
}

// The levels of all notes in a neuron.
function levelsOf(neuron) {
  return MAP.activation.subarray(neuron * MAP.count, (neuron + 1) * MAP.count);
}

function activationOf(note, neuron) {
  return MAP.activation[neuron * MAP.count + note] / 255 * MAP.maxima[neuron];
}

// The file:// URL of the file that a note comes from; '' where there is none, as in a page that was mailed.
function originalUrl(note) {
  const name = MAP.originals[note];
  if (!name || !MAP.audio_folder) return '';
  const path = /^(\/|[A-Za-z]:\/)/.test(name) ? name : MAP.audio_folder + name;
  return `file://${path.startsWith('/') ? '' : '/'}${path.split('/').map(encodeURIComponent).join('/')}`.replace(
    /^(file:\/\/\/[A-Za-z])%3A/, '$1:');
}

// Where in that file the note starts, in seconds.
function originalStart(note) {
  return MAP.start ? MAP.start[note] : 0;
}
