// What Python wrote: data.js hands over the content of the page, previews/*.js the sounds and pictures of its notes.
'use strict';

const MAP = {};
const ARRAY_TYPES = {uint8: Uint8Array, uint16: Uint16Array, int16: Int16Array, int32: Int32Array,
                     float32: Float32Array};

// 25 MB take 0.17 s; 0.2 s where there is no `fromBase64` (browsers of before 2025), 2.9 s with a callback a byte.
function bytesOf(base64) {
  if (Uint8Array.fromBase64) return Uint8Array.fromBase64(base64);
  const text = atob(base64);
  const bytes = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i);
  return bytes;
}

function unpack(packed) {
  return new ARRAY_TYPES[packed.type](bytesOf(packed.base64).buffer);
}

// Every array becomes a field of MAP, rows in the order of MAP.notes.
function receiveMap(content) {
  Object.assign(MAP, content, {count: content.notes.length, previews: new Map(), own: new Map()});
  for (const [name, packed] of Object.entries(content.arrays)) MAP[name] = unpack(packed);
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

// The [sound, picture] of a note, of a sound of the reader's with an AudioBuffer; its chunk is read from the folder
// when first asked for.
async function previewOf(note) {
  if (MAP.own.has(note)) return MAP.own.get(note);
  const chunk = Math.floor(MAP.place[note] / MAP.chunk_notes);
  if (!MAP.previews.has(chunk)) {
    if (!loading.has(chunk)) loading.set(chunk, loadScript(`previews/${chunk}.js`));
    await loading.get(chunk);
  }
  return MAP.previews.get(chunk)[MAP.place[note] % MAP.chunk_notes];
}
