// The computer keyboard as a piano for the instrument of the chosen unit.
'use strict';

const PIANO_KEYS = 'awsedftgyhujkolp';  // C, C sharp ... D sharp of the next octave, by where they lie
const OCTAVE_KEYS = {z: -1, x: 1};

// The C nearest to an octave below the middle of an instrument's keys.
function startOctave(keys) {
  return Math.max(0, Math.round((keys[Math.floor(keys.length / 2)].pitch - 6) / 12));
}

// What a pressed key plays, {row, rate}: the nearest sampled key, moved to the pitch. Null for another key.
function pianoKey(keys, letter, octave) {
  const step = PIANO_KEYS.indexOf(letter);
  if (step < 0 || letter.length !== 1) return null;
  const pitch = 12 * octave + step;
  const near = keys.reduce((best, key) => Math.abs(key.pitch - pitch) < Math.abs(best.pitch - pitch) ? key : best);
  return {row: near.row, rate: 2 ** ((pitch - near.pitch) / 12)};
}
