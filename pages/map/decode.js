// What Python wrote: data.js, activation.js and previews/*.js call the three receive functions below.
'use strict';

const MAP = {};
const VIEWS = ['tsne_2d', 'tsne_3d', 'pca'];
const ARRAY_TYPES = {uint8: Uint8Array, uint16: Uint16Array, int16: Int16Array, int32: Int32Array,
                     float32: Float32Array};

function bytesOf(base64) {
  return Uint8Array.from(atob(base64), character => character.charCodeAt(0));
}

function unpack(packed) {
  return new ARRAY_TYPES[packed.type](bytesOf(packed.base64).buffer);
}

// Every array becomes a field of MAP, rows in the order of MAP.notes.
function receiveMap(content) {
  Object.assign(MAP, content, {count: content.notes.length, previews: new Map()});
  for (const [name, packed] of Object.entries(content.arrays)) MAP[name] = unpack(packed);
  MAP.neighbourCount = content.arrays.neighbours.shape[1];
  MAP.strongestCount = content.arrays.strongest.shape[1];
}

// Levels 0-255 of each neuron's maximum, one neuron after the other.
function receiveActivation(content) {
  MAP.activation = unpack(content.levels);
  MAP.maxima = content.maxima;
}

// [sound, picture] in base64, empty where there is none, of the notes of one chunk.
function receivePreviews(chunk, content) {
  MAP.previews.set(chunk, content);
}

function loadScript(address) {
  return new Promise((resolve, reject) => {
    const script = document.createElement('script');
    script.src = address;
    script.onload = resolve;
    script.onerror = () => reject(new Error(`${address} is missing beside this page`));
    document.head.append(script);
  });
}

const loading = new Map();

// The [sound, picture] of a note; its chunk is read from the folder when first asked for.
async function previewOf(note) {
  const chunk = Math.floor(MAP.place[note] / MAP.chunk_notes);
  if (!MAP.previews.has(chunk)) {
    if (!loading.has(chunk)) loading.set(chunk, loadScript(`previews/${chunk}.js`));
    await loading.get(chunk);
  }
  return MAP.previews.get(chunk)[MAP.place[note] % MAP.chunk_notes];
}

// Facts about notes.

// The least and the largest of some numbers.
function extent(values) {
  return [values.reduce((least, value) => Math.min(least, value), Infinity),
          values.reduce((most, value) => Math.max(most, value), -Infinity)];
}

const NOTE_NAMES = ['C', 'C♯', 'D', 'D♯', 'E', 'F', 'F♯', 'G', 'G♯', 'A', 'A♯', 'B'];

function pitchName(pitch) {
  return pitch < 0 ? 'unknown' : NOTE_NAMES[pitch % 12] + (Math.floor(pitch / 12) - 1);
}

function familyOf(note) {
  return MAP.families[MAP.class_index[note]];
}

// Whether it is no note of the split but a sound that predict.py added: of no known family, at an approximate place.
function isAdded(note) {
  return note >= MAP.n_notes;
}

function probability(note, classIndex) {
  return MAP.probabilities[note * MAP.labels.length + classIndex] / 65535;
}

function isWrong(note) {
  return !isAdded(note) && MAP.predicted[note] !== MAP.class_index[note];
}

function neighboursOf(note) {
  return MAP.neighbours.subarray(note * MAP.neighbourCount, (note + 1) * MAP.neighbourCount);
}

function strongestOf(note) {
  return MAP.strongest.subarray(note * MAP.strongestCount, (note + 1) * MAP.strongestCount);
}

function activationOf(note, neuron) {
  return MAP.activation[neuron * MAP.count + note] / 255 * MAP.maxima[neuron];
}
