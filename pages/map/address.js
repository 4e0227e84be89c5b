// How what the reader has chosen is written into the address, and read from it.
'use strict';

// A set of rows as text, and back: [3, 4, 5, 9] as '3-5.9', or as a bitmap '~OAI' (base64) where that is shorter.
function writeRows(rows) {
  const runs = [];
  for (const row of [...rows].sort((a, b) => a - b)) {
    const last = runs.at(-1);
    if (last && row === last[1] + 1) last[1] = row;
    else runs.push([row, row]);
  }
  const text = runs.map(([first, last]) => first === last ? first : `${first}-${last}`).join('.');
  const bits = new Uint8Array(1 + (runs.at(-1)?.[1] ?? 0) / 8);
  for (const row of rows) bits[row >> 3] |= 1 << (row & 7);
  return text.length < bits.length * 4 / 3 ? text : '~' + base64Of(bits);
}

function readRows(text, count) {
  const bits = bytesBehind('~', text);
  if (bits) return Array.from({length: count}, (_, row) => row).filter(row => bits[row >> 3] >> (row & 7) & 1);
  return text.split('.').filter(run => /^\d+(-\d+)?$/.test(run)).flatMap(run => {
    const [first, last = first] = run.split('-').map(Number);
    return Array.from({length: Math.max(0, Math.min(last, count - 1) - first + 1)}, (_, i) => first + i);
  });
}

function base64Of(bytes) {
  const text = Array.from(bytes, byte => String.fromCharCode(byte)).join('');
  return btoa(text).replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '');
}

// The bytes that a text holds behind a mark; null where it holds none.
function bytesBehind(mark, text) {
  if (text[0] !== mark || !/^.[\w-]+$/.test(text) || text.length % 4 === 2) return null;
  return bytesOf(text.slice(1).replaceAll('-', '+').replaceAll('_', '/'));
}

function hashOf(text) {
  let hash = 2166136261;  // FNV-1a
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 16777619);
  return hash >>> 0;
}

const MOST_NAMES = 8;
const MOST_HASHES = 1000;  // 5,300 characters

// How rows are written so that a map of other rows finds the same names: up to 8 as '_name', up to 1,000 as '*' and a
// hash of 32 bits each (300 of 20,000: once in 700 times, another name has the hash of one). More are rows, with the
// hash of all names behind, so that a map of other names selects nothing. Old links hold rows alone.
function byName(names) {
  const rows = new Map(names.map((name, row) => [name, row]));
  const ofAll = () => hashOf(names.join('\n')).toString(36);
  const write = chosen => {
    if (chosen.length <= MOST_NAMES) return chosen.map(row => `_${names[row]}`);
    if (chosen.length > MOST_HASHES) return `${writeRows(chosen)}*${ofAll()}`;
    return '*' + base64Of(new Uint8Array(Uint32Array.from(chosen, row => hashOf(names[row])).buffer));
  };
  const read = (...texts) => texts.flatMap(text => {
    if (text.startsWith('_')) return rows.get(text.slice(1)) ?? [];
    const hashes = bytesBehind('*', text);
    if (hashes) {
      const byHash = new Map(names.map((name, row) => [hashOf(name), row]));
      return [...new Uint32Array(hashes.buffer, 0, hashes.length >> 2)].flatMap(hash => byHash.get(hash) ?? []);
    }
    const [numbers, map = ofAll()] = text.split('*');
    return map === ofAll() ? readRows(numbers, names.length) : [];
  });
  return {write, read};
}

const CAMERA_FIELDS = ['yaw', 'tilt', 'zoom', 'panX', 'panY'];

function readCamera(text) {
  const numbers = text.split('_').map(Number);
  if (numbers.length !== CAMERA_FIELDS.length || !numbers.every(Number.isFinite)) return null;
  return Object.fromEntries(CAMERA_FIELDS.map((field, i) => [field, numbers[i]]));
}

const RANGE = {
  write: range => range.join('-'),
  read(text) {
    const [low, high] = text.split('-').map(Number);
    return low >= 0 && high <= 127 && low <= high ? [low, high] : [0, 127];
  },
};
const FLAG = {write: flag => flag ? '1' : '0', read: text => text === '1'};

// How each field is written, as a text or a list, and read from all its texts; `read` must stand any.
const ADDRESS = {
  view: {key: 'view', write: String, read: text => VIEWS.includes(text) ? text : START.view},
  colour: {key: 'colour', write: String, read: text => COLOURINGS[text]?.exists ? text : START.colour},
  neuron: {key: 'neuron', write: String, read: text => Math.max(0, Math.min(MAP.neurons - 1, parseInt(text) || 0))},
  note: {key: 'note', write: note => MAP.notes[note], read: text => MAP.notes.indexOf(text)},
  selection: {key: 'sel', ...byName(MAP.notes)},
  hiddenFamilies: {key: 'hide', ...byName(MAP.families)},
  hiddenSources: {key: 'hide-source', ...byName(MAP.sources)},
  pitch: {key: 'pitch', ...RANGE},
  velocity: {key: 'velocity', ...RANGE},
  wrong: {key: 'wrong', ...FLAG, read: text => text === '1' && MAP.labelled && !!MAP.predicted},
  search: {key: 'search', write: String, read: String},
  tab: {key: 'tab', write: String, read: text => byId(`panel-${text}`) ? text : START.tab},
  otherInstruments: {key: 'others', ...FLAG},
  more: {key: 'more', ...FLAG},
  camera: {key: 'camera', read: readCamera,
           write: camera => CAMERA_FIELDS.map(field => +camera[field].toFixed(3)).join('_')},
};

function writeAddress(state) {
  const words = new URLSearchParams();
  for (const [field, {key, write}] of Object.entries(ADDRESS)) {
    if (String(state[field]) === String(START[field])) continue;
    for (const text of [write(state[field])].flat()) words.append(key, text);
  }
  return '#' + words;
}

function readAddress(hash) {
  const words = new URLSearchParams(hash.slice(1));
  return Object.fromEntries(Object.entries(ADDRESS).map(
    ([field, {key, read}]) => [field, words.has(key) ? read(...words.getAll(key)) : START[field]]));
}
